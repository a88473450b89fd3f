# What runs on a Linux or Android device on our behalf: it is sent as one argument of sh, and leaves nothing there.
# No backslash may stand here: some login shells read them even between quotes.
#
#   keep FOLDER                                  make a work folder, print it, remove it when stdin ends
#   fence FOLDER WORK TOKEN OWNER SECONDS        have the device alone; end what an earlier lease left
#   run FOLDER WORK TOKEN OWNER SECONDS ARGV     run a program in the work folder; it dies when stdin ends
#   guard FOLDER                                 on the machine itself: end what runs in the folder when stdin ends
#   facts ROOT                                   say what the kernel tells about the machine
#
# What goes wrong on our side of it ends with 97 and one line on stderr that begins with "edgebuild: ".

fail() {
    echo "edgebuild: $*" >&2
    exit 97
}

seconds_up() { cut -d. -f1 /proc/uptime; }

is_alive() { kill -0 "$1" 2>/dev/null; }

# Return when stdin of the script, which is 3, ends. A builtin, so that nothing else keeps it open: it may be stdout too.
read_to_end() {
    while read -r ignored; do :; done <&3
}

# End the programs of a work folder, and remove it.
clear_work() {
    for program in $(cat "$1.programs" 2>/dev/null); do kill -s KILL -- "-$program" 2>/dev/null; done
    rm -rf "$1" "$1.programs"
}

keep() {
    mkdir -p "$1" && cd "$1" || fail "cannot make the folder $1"
    for old in work-*; do
        if [ -d "$old" ] && ! is_alive "${old#work-}"; then clear_work "$old"; fi
    done
    work="$PWD/work-$$"
    clear_work "$work"
    mkdir "$work" || fail "cannot make the folder $work"
    exec 3<&0
    trap 'trap "" HUP INT TERM; clear_work "$work"; exit 0' HUP INT TERM
    read_to_end &
    echo "$work"
    wait $!
    clear_work "$work"
}

# A subshell has the lock, which ends with it. It is named twice, because mksh passes on only what is named.
fence() {
    (
        if command -v flock >/dev/null; then flock 9 9>&9; fi
        take_over "$@"
    ) 9>"$1/lock" || exit $?
}

# The record of who has the device is "BOOT TOKEN OWNER ENDS WORK", OWNER being "UID@MACHINE/NAME/LEDGER". Where its ledger is
# ours, a larger token says that the lease before was over. Nobody else may end a job that lives and uses the device.
take_over() {
    folder=$1 work=$2 token=$3 owner=$4 seconds=$5
    now=$(seconds_up) boot=$(cat /proc/sys/kernel/random/boot_id)
    if read -r their_boot their_token their_owner their_end their_work 2>/dev/null <"$folder/lease" &&
        [ "$their_boot" = "$boot" ] && [ "$their_token" != "$token" ]; then
        if [ "$their_owner" = "$owner" ]; then
            [ "$their_token" -lt "$token" ] || fail "late: the lease $token is over, $their_token has the device"
        elif [ "$their_end" -gt "$now" ] && is_alive "${their_work##*work-}"; then
            fail "busy: ${their_owner%/*} has the device for another $((their_end - now)) s"
        fi
        if is_alive "${their_work##*work-}"; then kill -s TERM "${their_work##*work-}"; fi
        clear_work "$their_work"
    fi
    echo "$boot $token $owner $((now + seconds)) $work" >"$folder/lease" || fail "no room in $folder"
}

# The first bytes of a program in hexadecimal: its kind, its class and its machine.
kind_of() {
    set -- $(od -An -tx1 -N20 "$1" 2>/dev/null)
    echo "$1$2$3$4$5${19}${20}"
}

run() {
    if [ "$3" != 0 ]; then fence "$1" "$2" "$3" "$4" "$5"; fi
    work=$2
    cd "$work" 2>/dev/null || fail "late: the work folder is gone, another job has the device"
    shift 5
    case $1 in
    "~/"*)
        first="$HOME/${1#??}"
        shift
        set -- "$first" "$@"
        ;;
    esac
    program=$(command -v "$1") || fail "absent: $1"
    exec 3<&0
    setsid "$@" </dev/null 3<&- &
    child=$!
    echo $child >>"$work.programs"
    (
        read_to_end
        kill -s KILL -- "-$child"
    ) >/dev/null 2>&1 &
    watch=$!
    wait $child
    code=$?
    kill -s KILL $watch 2>/dev/null
    kill -s KILL -- "-$child" 2>/dev/null
    # With 1 end programs that toybox took for a script; one of 32 bits may have run, and failed.
    case $code in
    1 | 2 | 126 | 127)
        theirs=$(kind_of "$program") ours=$(kind_of /proc/self/exe)
        case $code$theirs in
        17f454c4601*) ;;
        *7f454c46*) [ "$theirs" = "$ours" ] || fail "foreign: $theirs $ours $1" ;;
        esac
        ;;
    esac
    exit $code
}

# End the programs that have a folder below them, also one that is gone.
clear_inside() {
    ls -l /proc/[0-9]*/cwd 2>/dev/null | while read -r line; do
        case $line in
        *"/cwd -> $1" | *"/cwd -> $1/"* | *"/cwd -> $1 "*)
            program=${line#*/proc/}
            kill -s KILL "${program%%/*}" 2>/dev/null
            ;;
        esac
    done
}

# Stdin says "+ PROGRAM" and "- PROGRAM" where one starts and ends. One of which nobody could say so any more, or that left
# its group, is found by where it runs; one that starts meanwhile, afterwards.
guard() {
    trap "" HUP INT TERM
    programs=" "
    while read -r what program; do
        case $what in
        +) programs="$programs$program " ;;
        -) programs="${programs%% $program *} ${programs#* $program }" ;;
        esac
    done
    for program in $programs; do kill -s KILL -- "-$program" 2>/dev/null; done
    clear_inside "$1"
    rm -rf "$1"
    clear_inside "$1"
    rm -rf "$1"
}

facts() {
    echo "architecture: $(uname -m)"
    echo "kernel: $(uname -r)"
    echo "cores: $(nproc)"
    grep MemTotal "$1/proc/meminfo"
    sed 's/^/cpuinfo /' "$1/proc/cpuinfo"
    if [ -r "$1/proc/device-tree/model" ]; then printf 'board: ' && cat "$1/proc/device-tree/model" && echo; fi
    if [ -r "$1/sys/devices/system/cpu/online" ]; then echo "online: $(cat "$1/sys/devices/system/cpu/online")"; fi
    for core in "$1"/sys/devices/system/cpu/cpu[0-9]*; do
        for name in cpu_capacity cpufreq/cpuinfo_max_freq; do
            if [ -r "$core/$name" ]; then echo "core ${core##*/cpu} ${name##*/}: $(cat "$core/$name")"; fi
        done
    done
    for clock in "$1"/sys/devices/system/cpu/cpu[0-9]*/cpufreq; do
        for name in scaling_governor scaling_cur_freq scaling_max_freq cpuinfo_max_freq; do
            if [ -r "$clock/$name" ]; then echo "$name: $(cat "$clock/$name")"; fi
        done
    done
    for zone in "$1"/sys/class/thermal/thermal_zone*; do
        if [ -r "$zone/temp" ]; then echo "zone $(cat "$zone/type" 2>/dev/null): $(cat "$zone/temp" 2>/dev/null)"; fi
    done
    for cooling in "$1"/sys/class/thermal/cooling_device*; do
        if [ -r "$cooling/cur_state" ]; then echo "cooling $(cat "$cooling/type"): $(cat "$cooling/cur_state")"; fi
    done
    if command -v getprop >/dev/null; then
        for name in build.version.release product.manufacturer product.model soc.manufacturer soc.model; do
            echo "ro.$name: $(getprop "ro.$name")"
        done
        dumpsys thermalservice 2>/dev/null | sed 's/^/thermalservice /'
    fi
    if command -v vcgencmd >/dev/null; then vcgencmd get_throttled | sed 's/=/: /'; fi
    return 0
}

"$@"
