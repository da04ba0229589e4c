# An overlay port: it builds the repository that it lies in, with the cargo of the machine.
#     vcpkg install sterna --overlay-ports=packaging/vcpkg/ports

get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../../.." ABSOLUTE)

find_program(CARGO cargo HINTS "$ENV{HOME}/.cargo/bin" "$ENV{USERPROFILE}/.cargo/bin")
if(NOT CARGO)
  message(FATAL_ERROR "missing: cargo, which builds the library; it comes with Rust: https://rustup.rs")
endif()

if(VCPKG_LIBRARY_LINKAGE STREQUAL "dynamic")
  set(kind "shared")
else()
  set(kind "static")
endif()

set(platform)
if(VCPKG_CROSSCOMPILING)
  if(VCPKG_TARGET_ARCHITECTURE STREQUAL "arm64")
    set(cpu "aarch64")
  else()
    set(cpu "x86_64")
  endif()
  if(VCPKG_TARGET_IS_OSX)
    set(platform "-DSTERNA_TARGET=${cpu}-apple-darwin")
  elseif(VCPKG_TARGET_IS_WINDOWS)
    set(platform "-DSTERNA_TARGET=${cpu}-pc-windows-msvc")
  else()
    set(platform "-DSTERNA_TARGET=${cpu}-unknown-linux-gnu")
  endif()
endif()

# A static library for a game that has Visual C++'s runtime inside has to be built for that.
if(VCPKG_TARGET_IS_WINDOWS AND NOT VCPKG_TARGET_IS_MINGW AND VCPKG_CRT_LINKAGE STREQUAL "static")
  set(ENV{RUSTFLAGS} "-C target-feature=+crt-static")
endif()

# There is one library for Debug and Release: its own assertions do not depend on the game's configuration. Rust knows
# no debug variant of Visual C++'s runtime.
set(VCPKG_POLICY_ONLY_RELEASE_CRT enabled)
vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}/bindings/cpp"
  OPTIONS "-DSTERNA_KINDS=${kind}" ${platform})
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/sterna)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE-MIT" "${SOURCE_PATH}/LICENSE-APACHE")
