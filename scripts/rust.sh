# Finding a Rust that can build the engine.  Sourced by the scripts beside it, with `root` set.

need_rust=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$root/engine/Cargo.toml")

# Leaves the version of the rustc on the PATH in `have_rust`; empty without cargo or rustc.
probe_rust() {
    have_rust=
    if command -v cargo >/dev/null 2>&1 && command -v rustc >/dev/null 2>&1; then
        have_rust=$(rustc --version 2>/dev/null | cut -d' ' -f2) || have_rust=
    fi
}

# version_at_least HAVE NEED
version_at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

rust_is_fine() {
    probe_rust
    if [ -n "$have_rust" ] && version_at_least "$have_rust" "$need_rust"; then
        return 0
    fi
    # The official installer's folder is on the PATH only of shells that were started after it.
    if [ -x "${HOME:-}/.cargo/bin/cargo" ]; then
        case :$PATH: in
        *":${HOME:-}/.cargo/bin:"*) return 1 ;;
        esac
        PATH=${HOME:-}/.cargo/bin:$PATH
        export PATH
        probe_rust
        [ -n "$have_rust" ] && version_at_least "$have_rust" "$need_rust"
        return
    fi
    return 1
}

describe_rust() {
    if [ -n "$have_rust" ]; then
        echo "Rust $have_rust is too old: the engine (Wasmtime) is built from source by Rust $need_rust or newer."
    else
        echo "cargo was not found: the engine (Wasmtime) is built from source by Rust $need_rust or newer."
    fi
}
