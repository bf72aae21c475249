#!/bin/sh
# cpack makes a Debian package that names what it needs, OpenBLAS too, which is
# opened at run time, and whose program runs.
#   package.sh SOURCE_DIR MLSPEC
set -eu
build=$(dirname "$2")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cpack -G DEB --config "$build/CPackConfig.cmake" -B "$scratch" \
    >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
deb=$(echo "$scratch"/*.deb)
depends=$(dpkg-deb -f "$deb" Depends)
for package in libopenblas0-pthread libc6 libcjson1 libcsv3 libsqlite3-0 \
    libxxhash0 libzstd1 zlib1g; do
    case ", $depends" in
    *", $package"*) ;;
    *) echo "the package does not depend on $package: $depends"; exit 1 ;;
    esac
done
dpkg-deb -x "$deb" "$scratch/root"
"$scratch/root/usr/bin/mlspec" --version >/dev/null
[ -s "$scratch/root/usr/share/man/man1/mlspec-train.1" ]
! grep -r /usr/local "$scratch/root/usr/lib" --include='*.pc'
