#!/usr/bin/env bash
# Create .venv/ in this checkout with edgebuild and everything it needs, or bring it up to date; at once done where nothing
# changed since the last time.
#
# Compilers and emulators for microcontrollers and for Arm Linux boards are installed too where that can be done (root, apt-get,
# 3 GiB of disk), and the ssh server and the adbd of the tests; without them everything works except the targets and the tests
# that need them.
#
# Environment: PYTHON names the interpreter (default: python3.11); EDGEBUILD_MICROCONTROLLERS=no leaves those programs out.
# pip reads its own settings (index, mirror, proxy) as usual.
# Exit codes: 0 ready, 3 something is missing that this script cannot get; the message says what to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly wanted_python=3.11
readonly needed_mib=4096 # .venv takes 2.5 GiB; pip unpacks beside it
readonly microcontroller_mib=3072 # their packages take 2.2 GiB of /usr
readonly log=.venv/setup.log
readonly stamp=.venv/setup.stamp

say() { printf 'setup: %s\n' "$*"; }

fail() { # message, remedy
    printf 'setup: %s\n  -> %s\n' "$1" "$2" >&2
    exit 3
}

# What the environment depends on. The folder is part of it, because a virtual environment cannot be moved.
state() {
    {
        pwd
        printf '%s\n' "${PYTHON:-}"
        cat pyproject.toml constraints.txt setup.py scripts/setup.sh
    } | sha256sum | cut -d ' ' -f 1
}

ready() { [[ -x .venv/bin/edgebuild && -f $stamp && $(<"$stamp") == "$(state)" ]]; }

find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} "python$wanted_python" python3; do
        if "$name" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$wanted_python')" >/dev/null 2>&1; then
            printf '%s\n' "$name"
            return
        fi
    done
    return 1
}

# Print the Debian packages that are missing here.
missing_packages() {
    local python
    command -v g++ >/dev/null || echo g++
    usable && return
    if python=$(find_python); then
        "$python" -c 'import ensurepip, venv' 2>/dev/null || echo "python$wanted_python-venv"
    else
        echo "python$wanted_python python$wanted_python-venv"
    fi
}

# Print the Debian packages that emulated targets need and that are missing here; edgebuild/device/toolchain.py names the same
# ones. clang is for the tests of what the compiler to C writes, the ssh server for those of devices; nothing starts it.
missing_microcontroller_packages() {
    command -v arm-none-eabi-gcc >/dev/null || echo gcc-arm-none-eabi libnewlib-arm-none-eabi
    command -v qemu-system-arm >/dev/null || echo qemu-system-arm
    command -v riscv64-unknown-elf-gcc >/dev/null || echo gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf
    command -v qemu-system-riscv32 >/dev/null || echo qemu-system-misc
    command -v qemu-aarch64 >/dev/null || echo qemu-user
    command -v aarch64-linux-gnu-g++ >/dev/null || echo g++-aarch64-linux-gnu
    command -v llvm-mca-19 >/dev/null || echo llvm-19
    command -v clang >/dev/null || echo clang
    PATH="$PATH:/usr/sbin" command -v sshd >/dev/null || echo openssh-server
}

may_install() { [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; }

# Install the packages named; print the last lines of what apt-get said where it fails.
apt_install() {
    local messages="${TMPDIR:-/tmp}/edgebuild-apt.$$" done=0
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } \
        >/dev/null 2>"$messages" || done=1
    ((done == 0)) || tail -n 3 "$messages"
    rm -f "$messages"
    return "$done"
}

install_packages() {
    local packages reason
    packages=$(missing_packages | xargs)
    [[ -n $packages ]] || return 0
    local line="apt-get install -y --no-install-recommends $packages"
    may_install || fail "missing on this system: $packages" "as root: $line   (or the same programs from your system's own packages)"
    say "installing $packages"
    # shellcheck disable=SC2086  # a list of package names
    reason=$(apt_install $packages) ||
        fail "could not install $packages: $reason" "run by hand and see what it says: apt-get update && $line"
    usable || find_python >/dev/null || fail "python$wanted_python is still missing" "install it and say PYTHON=/path/to/python$wanted_python"
}

# Never fails: a build for other targets does not need them.
install_microcontroller_packages() {
    local packages reason=""
    [[ ${EDGEBUILD_MICROCONTROLLERS:-yes} != no ]] || return 0
    packages=$(missing_microcontroller_packages | xargs)
    [[ -n $packages ]] || return 0
    if may_install && (($(df -Pm /usr | awk 'NR == 2 { print $4 }') >= microcontroller_mib)); then
        say "installing $packages"
        # shellcheck disable=SC2086  # a list of package names
        reason=$(apt_install $packages) && return 0
    fi
    say "without emulated targets and their tests: missing $packages${reason:+ ($reason)}"
    say "  -> as root: apt-get install -y --no-install-recommends $packages"
}

check_disk() {
    local free_mib
    free_mib=$(df -Pm . | awk 'NR == 2 { print $4 }')
    ((free_mib >= needed_mib)) || fail "$free_mib MiB free in $PWD, $needed_mib MiB needed" "make room, or clone to another disk"
}

# Run a step with its output in the log; say why it failed in words.
logged() {
    printf '\n$ %s\n' "$*" >>"$log"
    "$@" >>"$log" 2>&1 </dev/null && return 0
    local reason
    reason=$(grep -E '^(ERROR|error)' "$log" | tail -n 3 || tail -n 1 "$log")
    if grep -q 'No space left on device' "$log"; then
        fail "the disk is full" "make room and run the same command again; the whole log is in $log"
    elif grep -qE 'Temporary failure in name resolution|Failed to establish a new connection|Network is unreachable|Connection (refused|timed out)|Could not connect|ProxyError' "$log"; then
        fail "the package index cannot be reached" "check the network, proxy and pip settings, then run the same command again; log: $log"
    fi
    fail "this failed: $*"$'\n'"$reason" "the whole log is in $log"
}

# True where .venv works and was made here: a virtual environment does not survive being moved.
usable() { .venv/bin/python -c 'import pip' 2>/dev/null && grep -qF "$PWD/.venv/bin/python" .venv/bin/pip; }

create_environment() {
    usable && return
    local python
    python=$(find_python)
    say "creating .venv with $("$python" --version 2>&1)"
    "$python" -m venv --clear .venv || fail "cannot create .venv in $PWD" "see the message above; .venv may be removed safely"
}

fill_environment() {
    : >"$log"
    local pip=(.venv/bin/python -m pip install --disable-pip-version-check --no-input --constraint constraints.txt)
    logged "${pip[@]}" setuptools
    # First and alone: the exact version keeps pip from choosing a larger build of it while it resolves the rest.
    local torch
    torch=$(grep '^torch==' constraints.txt)
    say "installing $torch"
    logged "${pip[@]}" "$torch"
    say "installing the rest of constraints.txt"
    logged "${pip[@]}" --no-build-isolation --editable '.[all,dev]'
    say "installing the runtime of old 32-bit boards beside it"
    logged .venv/bin/python -m edgebuild.runtime.tflite_runtime_install
    say "installing the compiler of Ethos-U beside it"
    logged .venv/bin/python -m edgebuild.runtime.vela_install
    say "installing the reference model of TOSA beside it"
    logged .venv/bin/python -m edgebuild.runtime.tosa_install
}

# Never fails, as above: a build fetches it when it is first needed.
fetch_board_system() {
    [[ ${EDGEBUILD_MICROCONTROLLERS:-yes} != no ]] && command -v qemu-aarch64 >/dev/null || return 0
    say "fetching the system of emulated Arm Linux boards"
    { .venv/bin/python -m edgebuild.device.sysroot && .venv/bin/python -m edgebuild.runtime.executorch_bundle aarch64; } \
        >>"$log" 2>&1 </dev/null || say "it could not be fetched; the last lines of $log say why"
}

# Never fails, as above: a real adbd for the tests, which fetch it too, or say why they are skipped.
fetch_test_device() {
    .venv/bin/python -m tests.device.adbd >>"$log" 2>&1 </dev/null || say "no adbd for tests; the last lines of $log say why"
}

exec 9<scripts/setup.sh
flock 9
if ready; then exit 0; fi
began=$SECONDS
install_packages
install_microcontroller_packages
usable || check_disk
create_environment
fill_environment
fetch_board_system
fetch_test_device
state >"$stamp"
say "ready after $((SECONDS - began)) s: .venv/bin/edgebuild"
