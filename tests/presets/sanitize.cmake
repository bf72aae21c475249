# cmake -C tests/presets/sanitize.cmake: all tests under ASan and UBSan.
set(MLS_WERROR ON CACHE BOOL "")
set(MLS_SANITIZE ON CACHE BOOL "")
