#!/bin/sh
# Which of the wanted flags this compiler has, and where the libraries are, as a makefile's variables:
#   probe_flags.sh CC "compiler flags" "linker flags" "pkg-config modules" "pkg-config modules of tests"
set -eu

cc=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
echo 'int main(void) { return 0; }' >"$scratch/main.c"

# -Werror first: clang takes unknown warnings for a warning otherwise.
probe() {
    known=
    for flag in $1; do
        if "$cc" -Werror -O2 $known "$flag" "$scratch/main.c" -o "$scratch/main" 2>/dev/null; then
            known="$known $flag"
        fi
    done
    echo "$known"
}

# Others' headers are not ours to warn about.
system() {
    pkg-config --cflags $1 | sed 's/-I/-isystem /g'
}

echo "PROBED_CFLAGS :=$(probe "$2")"
echo "PROBED_LDFLAGS :=$(probe "$3")"
echo "LIBRARY_CFLAGS := $(system "$4")"
echo "LIBRARY_LDLIBS := $(pkg-config --libs $4)"
echo "TEST_CFLAGS := $(system "$5")"
echo "TEST_LDLIBS := $(pkg-config --libs $5)"
