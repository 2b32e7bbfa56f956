#!/bin/sh
# A RUSTC_WORKSPACE_WRAPPER that links programs statically with glibc. Unlike RUSTFLAGS it leaves the dependencies as they
# are, so that they are not built again. build-programs.sh uses it.
case " $* " in
    # Cargo asks what the compiler can do.
    *" --print"*) exec "$@" ;;
    *" --crate-type bin "*) exec "$@" -C target-feature=+crt-static ;;
    *) exec "$@" ;;
esac
