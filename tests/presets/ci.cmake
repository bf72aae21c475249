# cmake -C tests/presets/ci.cmake: what CI builds.
set(MLS_WERROR ON CACHE BOOL "")
