# Builds the library as it is shipped, by cargo, for this or another platform:
#
#     cmake -D OUT=<folder> [-D TARGET=<Rust's name of the platform>] [-D KINDS=shared,static] [-D PROFILE=release|dev]
#           [-D TARGET_DIR=<folder>] -P bindings/cpp/cmake/build.cmake
#
# TARGET_DIR is where cargo works if CARGO_TARGET_DIR is not set: <repository>/target if that is not said either.
# A linker for another platform is told to cargo as always: CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER and the like.
#
# On Windows the DLL has Visual C++'s runtime inside: players need not have it installed, and engines do not bring it
# along. The static library leaves it to the program.
#
# One crate type at a time: with several cargo gives the library no link-time optimisation. Fat for the shared library;
# thin for the static one, because two static libraries of Rust with fat LTO do not link together.

cmake_minimum_required(VERSION 3.16)
include("${CMAKE_CURRENT_LIST_DIR}/version.cmake")

get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT OUT)
  message(FATAL_ERROR "say where to put the library: -D OUT=<folder>")
endif()
get_filename_component(OUT "${OUT}" ABSOLUTE)
if(NOT KINDS)
  set(KINDS "shared,static")
endif()
string(REPLACE "," ";" KINDS "${KINDS}")
if(NOT PROFILE)
  set(PROFILE release)
endif()
if(DEFINED ENV{CARGO_TARGET_DIR})
  get_filename_component(target_dir "$ENV{CARGO_TARGET_DIR}" ABSOLUTE BASE_DIR "${root}")
elseif(TARGET_DIR)
  set(target_dir "${TARGET_DIR}")
else()
  set(target_dir "${root}/target")
endif()

find_program(CARGO cargo HINTS "$ENV{HOME}/.cargo/bin" "$ENV{USERPROFILE}/.cargo/bin")
if(NOT CARGO)
  message(FATAL_ERROR "missing: cargo, which builds the library; it comes with Rust: https://rustup.rs")
endif()
if(TARGET)
  set(built_dir "${target_dir}/${TARGET}")
  set(target_option --target "${TARGET}")
  set(platform "${TARGET}")
else()
  set(built_dir "${target_dir}")
  set(target_option)
  execute_process(COMMAND rustc -vV OUTPUT_VARIABLE platform)
  string(REGEX REPLACE ".*host: ([^\n\r]*).*" "\\1" platform "${platform}")
endif()
if(PROFILE STREQUAL "dev")
  string(APPEND built_dir "/debug")
else()
  string(APPEND built_dir "/${PROFILE}")
endif()

# What the linker is told of a shared library: the name that programs ask for, and the size of a page.
set(link_options)
set(versioned FALSE)
set(shared_rustflags "$ENV{RUSTFLAGS}")
if(platform MATCHES "android")
  # Packages for Android hold only names that end in .so. Since Android 15 pages may have 16 KiB.
  set(link_options -C link-arg=-Wl,-soname,libsterna.so -C link-arg=-Wl,-z,max-page-size=16384)
elseif(platform MATCHES "linux")
  set(versioned TRUE)
  set(link_options -C "link-arg=-Wl,-soname,libsterna.so.${sterna_soversion}")
elseif(platform MATCHES "windows-msvc")
  # For the C code of dependencies as well, which therefore has to hear of it.
  string(STRIP "${shared_rustflags} -C target-feature=+crt-static" shared_rustflags)
elseif(platform MATCHES "apple")
  set(link_options -C link-arg=-Wl,-install_name,@rpath/libsterna.dylib)
endif()

function(build crate_type lto rustflags)
  set(environment "CARGO_PROFILE_RELEASE_LTO=${lto}")
  if(rustflags) # an empty RUSTFLAGS would hide what cargo's configuration says
    list(APPEND environment "RUSTFLAGS=${rustflags}")
  endif()
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -E env ${environment}
            "${CARGO}" rustc --locked --quiet --package sterna --lib --crate-type ${crate_type} --profile ${PROFILE}
            --target-dir "${target_dir}" ${target_option} -- ${ARGN}
    WORKING_DIRECTORY "${root}" RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "cargo cannot build the ${crate_type} of ${platform}: ${failed}")
  endif()
endfunction()

# Copies those of the files that this platform has; the first must be there.
function(take first)
  if(NOT EXISTS "${built_dir}/${first}")
    message(FATAL_ERROR "cargo made no ${first} in ${built_dir}")
  endif()
  foreach(name ${first} ${ARGN})
    if(EXISTS "${built_dir}/${name}")
      file(COPY "${built_dir}/${name}" DESTINATION "${OUT}")
      file(TOUCH "${OUT}/${name}") # newer than the sources, even if cargo had nothing to do
    endif()
  endforeach()
endfunction()

file(MAKE_DIRECTORY "${OUT}")
if("shared" IN_LIST KINDS)
  build(cdylib fat "${shared_rustflags}" -C strip=symbols ${link_options})
  if(platform MATCHES "windows")
    take(sterna.dll libsterna.dll.a sterna.dll.lib)
  elseif(platform MATCHES "apple")
    take(libsterna.dylib)
  else()
    take(libsterna.so)
  endif()
  if(versioned)
    file(RENAME "${OUT}/libsterna.so" "${OUT}/libsterna.so.${sterna_version}")
    file(CREATE_LINK "libsterna.so.${sterna_version}" "${OUT}/libsterna.so.${sterna_soversion}" SYMBOLIC)
    file(CREATE_LINK "libsterna.so.${sterna_soversion}" "${OUT}/libsterna.so" SYMBOLIC)
  endif()
endif()
if("static" IN_LIST KINDS)
  build(staticlib thin "$ENV{RUSTFLAGS}")
  if(platform MATCHES "windows-msvc")
    take(sterna.lib)
  else()
    take(libsterna.a)
  endif()
endif()
