# Sets sterna_version from Cargo.toml, which alone says it, and sterna_soversion: before 1.0 a minor version may change
# the binary interface.
file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../../../Cargo.toml" sterna_version REGEX "^version = ")
string(REGEX REPLACE "^version = \"([0-9.]+)\".*" "\\1" sterna_version "${sterna_version}")
if(NOT sterna_version MATCHES "^[0-9]+[.][0-9]+[.][0-9]+$")
  message(FATAL_ERROR "Cargo.toml says no version that this understands: `${sterna_version}`")
endif()
string(REGEX MATCH "^[0-9]+[.][0-9]+" sterna_soversion "${sterna_version}")
if(NOT sterna_soversion MATCHES "^0[.]")
  string(REGEX MATCH "^[0-9]+" sterna_soversion "${sterna_soversion}")
endif()
