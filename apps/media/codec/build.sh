#!/usr/bin/env bash
# Builds libopus.wasm from Debian's source package of libopus with Debian's emscripten.
#
#   apt-get install emscripten dpkg-dev
#   ./build.sh
#
# Needs no root and leaves nothing behind. Tried with emscripten 3.1.6 (Debian 12): two runs
# give the same bytes.
set -euo pipefail

version=1.5.2
suite=trixie # Debian 12 itself has 1.3.1: slower to encode, and larger packets
sha256=65c1d2f78b9f2fb20082c38cbe47c951ad5839345876e46941612ee87f9a7ce1 # the .orig.tar.gz

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# --- The source: a private apt configuration with one deb-src line, on the mirror in use here.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
  grep -v security | head -n 1)
mkdir -p "$work"/{lists/partial,cache/archives/partial,parts}
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" \
  > "$work/sources.list"
cat > "$work/apt.conf" <<EOF
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "$work/parts";
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
APT::Sandbox::User "";
EOF
cd "$work"
APT_CONFIG=$work/apt.conf apt-get -q update
APT_CONFIG=$work/apt.conf apt-get -q source "opus/$suite"
echo "$sha256  opus_$version.orig.tar.gz" | sha256sum --check
cd "opus-$version"

# --- Two edits: libopus does not know WebAssembly.
# 64-bit integers are native there. Without this every fixed-point multiply costs two.
sed -i 's/^#if defined(__x86_64__) ||/#if defined(__wasm__) || defined(__x86_64__) ||/' \
  celt/arch.h
# Rounding a float is two instructions. The SSE intrinsic is emulated by a call to lrint().
sed -i '0,/^#if defined(__GNUC__) && defined(__SSE__)/s//#if defined(__wasm__)\
static OPUS_INLINE opus_int32 float2int(float x) {return (opus_int32)__builtin_rintf(x);}\
#elif defined(__GNUC__) \&\& defined(__SSE__)/' celt/float_cast.h
[ "$(grep -l __wasm__ celt/arch.h celt/float_cast.h | wc -l)" = 2 ]

# --- The sources, from libopus' own lists: float API and encoder, plus the x86 SIMD code, which
# emscripten's headers translate to WebAssembly SIMD.
sources_of() { # variable names → the files that the *_sources.mk assign to them
  local name
  for name in "$@"; do
    cat ./*_sources.mk | sed -n "/^$name *=/,/[^\\\\]\$/{s/^$name *=//;s/\\\\\$//;p}"
  done
}
sources=$(sources_of \
  CELT_SOURCES SILK_SOURCES SILK_SOURCES_FLOAT OPUS_SOURCES OPUS_SOURCES_FLOAT \
  CELT_SOURCES_SSE CELT_SOURCES_SSE2 CELT_SOURCES_SSE4_1 SILK_SOURCES_SSE4_1)

# libopus refuses -ffast-math without FLOAT_APPROX, which makes its NaN checks look at the bits.
# "Presume": the SIMD code is chosen at compile time, not by asking the CPU.
config=(
  -DOPUS_BUILD -DNDEBUG -DVAR_ARRAYS -DHAVE_LRINT -DHAVE_LRINTF -DFLOAT_APPROX -ffast-math
  -DOPUS_X86_MAY_HAVE_SSE -DOPUS_X86_PRESUME_SSE
  -DOPUS_X86_MAY_HAVE_SSE2 -DOPUS_X86_PRESUME_SSE2
  -DOPUS_X86_MAY_HAVE_SSE4_1 -DOPUS_X86_PRESUME_SSE4_1
  "-DPACKAGE_VERSION=\"$version\""
  -Iinclude -Icelt -Isilk -Isilk/float -I.
)
target=(-O3 -msimd128 -msse -msse2 -msse4.1 -mbulk-memory -mnontrapping-fptoint)

# Standalone, no entry point: no JavaScript glue and, with shim.c, no imports at all.
# The stack comes first in memory, so that an overflow traps instead of overwriting data.
link=(
  --no-entry -s STANDALONE_WASM=1 -s FILESYSTEM=0 -s MALLOC=emmalloc
  -s ALLOW_MEMORY_GROWTH=1 -s INITIAL_MEMORY=2MB -s TOTAL_STACK=512KB -Wl,--stack-first
)

cp "$here/shim.c" .
# shellcheck disable=SC2086 # the list is meant to split
emcc "${target[@]}" "${config[@]}" $sources shim.c "${link[@]}" -o libopus.wasm

cp libopus.wasm "$here/libopus.wasm"
cp COPYING "$here/LICENSE.opus"
chmod 644 "$here/libopus.wasm" "$here/LICENSE.opus"
ls -l "$here/libopus.wasm"
