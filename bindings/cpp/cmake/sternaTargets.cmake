# Defines sterna::sterna, sterna::static and sterna::cpp from sterna_c_include_dir, sterna_cpp_include_dir,
# sterna_library_dir (what is linked) and sterna_runtime_dir (what programs load). A library that was not built simply has
# no target, unless sterna_to_be_built names its kind.

if(WIN32)
  set(sterna_shared "sterna.dll")
  set(sterna_import "sterna.dll.lib")
  set(sterna_static "sterna.lib")
  if(MINGW)
    set(sterna_import "libsterna.dll.a")
    set(sterna_static "libsterna.a")
  endif()
  set(sterna_system_libraries ws2_32 userenv ntdll bcrypt dbghelp)
elseif(APPLE)
  set(sterna_shared "libsterna.dylib")
  set(sterna_static "libsterna.a")
  set(sterna_system_libraries "-framework CoreFoundation" "-framework Security")
else()
  # As cargo leaves it, it has no version; as it is shipped, it does.
  set(sterna_shared "libsterna.so")
  if("shared" IN_LIST sterna_to_be_built OR EXISTS "${sterna_library_dir}/libsterna.so.${sterna_soversion}")
    set(sterna_shared "libsterna.so.${sterna_soversion}")
  endif()
  set(sterna_static "libsterna.a")
  set(sterna_system_libraries gcc_s util rt pthread m dl c)
endif()

if(NOT TARGET sterna::sterna
   AND ("shared" IN_LIST sterna_to_be_built OR EXISTS "${sterna_runtime_dir}/${sterna_shared}"))
  add_library(sterna::sterna SHARED IMPORTED GLOBAL)
  set_target_properties(sterna::sterna PROPERTIES
    IMPORTED_LOCATION "${sterna_runtime_dir}/${sterna_shared}"
    INTERFACE_INCLUDE_DIRECTORIES "${sterna_c_include_dir}")
  if(WIN32)
    set_target_properties(sterna::sterna PROPERTIES IMPORTED_IMPLIB "${sterna_library_dir}/${sterna_import}")
  elseif(APPLE)
    set_target_properties(sterna::sterna PROPERTIES IMPORTED_SONAME "@rpath/${sterna_shared}")
  elseif(sterna_shared STREQUAL "libsterna.so")
    set_target_properties(sterna::sterna PROPERTIES IMPORTED_NO_SONAME TRUE)
  else()
    set_target_properties(sterna::sterna PROPERTIES IMPORTED_SONAME "${sterna_shared}")
  endif()
endif()

if(NOT TARGET sterna::static
   AND ("static" IN_LIST sterna_to_be_built OR EXISTS "${sterna_library_dir}/${sterna_static}"))
  add_library(sterna::static STATIC IMPORTED GLOBAL)
  set_target_properties(sterna::static PROPERTIES
    IMPORTED_LOCATION "${sterna_library_dir}/${sterna_static}"
    INTERFACE_COMPILE_DEFINITIONS STERNA_STATIC
    INTERFACE_INCLUDE_DIRECTORIES "${sterna_c_include_dir}"
    INTERFACE_LINK_LIBRARIES "${sterna_system_libraries}")
endif()

if(NOT TARGET sterna::cpp)
  add_library(sterna::cpp INTERFACE IMPORTED GLOBAL)
  set_target_properties(sterna::cpp PROPERTIES
    INTERFACE_COMPILE_FEATURES cxx_std_17
    INTERFACE_INCLUDE_DIRECTORIES "${sterna_cpp_include_dir};${sterna_c_include_dir}")
  if(TARGET sterna::sterna)
    set_property(TARGET sterna::cpp PROPERTY INTERFACE_LINK_LIBRARIES sterna::sterna)
  elseif(TARGET sterna::static)
    set_property(TARGET sterna::cpp PROPERTY INTERFACE_LINK_LIBRARIES sterna::static)
  endif()
endif()
