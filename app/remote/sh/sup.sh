#!/bin/sh
# The supervisor of a run, in a session of its own: starts the script in another one, ends it at its deadline or when it
# is silent or floods the disk, and records how it ended. Set before: folder, uuid, deadline and no_output (seconds, 0:
# may be silent for ever), unread_limit (bytes), their codes, grace and flood_grace (hundredths of a second).
# shellcheck disable=SC2034,SC2154 # the files are put one behind the other, variables go from one to the next

main() {
    cd "$folder" || exit
    umask 077
    ended=''
    # Caught and not ignored: children get the default back.
    trap : HUP INT TERM
    # How the watcher says why it ends the script.
    trap 'ended=$deadline_code' USR1
    trap 'ended=$no_output_code' USR2
    trap 'ended=$flood_code' ALRM
    # Only one of supervisor, cancel and seal gets the script.
    mv script.ready script || exit
    start_script
    watch &
    watcher=$!
    wait_for "$script" "$script_start"
    if [ -n "$ended" ]; then
        read_process "$watcher" && wait_for "$watcher" "$start"
        code=$ended
    fi
    record
}

# The script's descriptors are the spools themselves: no pipe, so nothing is lost, late or kept open by a child.
start_script() {
    mark=$uuid supervisor=$$
    read -r boot </proc/sys/kernel/random/boot_id
    read_process "$supervisor"
    supervisor_start=$start
    read_clock
    begun=$clock
    SHIPLOG_RUN=$uuid setsid sh ./script </dev/null >>out 2>>err &
    script=$!
    read_process "$script"
    script_start=$start
    # Into the block that the launch made sure of.
    echo "$supervisor $supervisor_start $script $script_start $boot" 1<>meta.new
    mv meta.new meta
}

# Notes the sizes of the spools with the time, and ends the script when it must not go on, also when the supervisor is
# gone.
watch() {
    trap : HUP INT TERM
    trap - USR1 USR2 ALRM
    noted='' grown=$begun
    while [ -e exit.none ] && { is_alive "$supervisor" "$supervisor_start" || is_alive "$script" "$script_start"; }; do
        read_clock
        read_sizes
        if [ -n "$sizes" ] && [ "$sizes" != "$noted" ]; then
            note
            noted=$sizes grown=$clock
        fi
        if [ "$clock" -ge $((begun + deadline * 100)) ]; then
            end USR1
        elif [ "$no_output" -gt 0 ] && [ "$clock" -ge $((grown + no_output * 100)) ]; then
            end USR2
        elif [ "$unread" -gt "$unread_limit" ]; then
            grace=$flood_grace
            end ALRM
        fi
        pause 0.2
    done
}

# Sets `sizes`, and `unread`: the bytes of the disk that the spools hold. XFS gives a file that grows up to twice its
# size, 1023 MiB for 513, so that a spool holds no more than its size.
read_sizes() {
    sizes='' unread=0
    # shellcheck disable=SC2046 # separate words
    set -- $(stat -c '%s %b' out err)
    [ $# = 4 ] || return 0
    sizes="$1 $3"
    for pair in "$1 $2" "$3 $4"; do
        size=${pair% *} blocks=${pair#* }
        if [ "$size" -gt $((blocks * 512)) ]; then size=$((blocks * 512)); fi
        unread=$((unread + size))
    done
}

# Tells the supervisor with signal $1 why the script is ended, and ends it; returns when that has to be tried again.
end() {
    ! is_alive "$supervisor" "$supervisor_start" || kill "-$1" "$supervisor" 2>/dev/null
    end_processes
    # Of a script that had not quite begun nothing was found: it is looked for again.
    is_alive "$script" "$script_start" || exit
}

# On a line of its own, also behind one that a full disk has cut off.
note() {
    { echo "$newline$clock $sizes" >>idx; } 2>/dev/null
}

# Waits for child $1 with start time $2 and sets `code`. A trapped signal ends `wait` with more than 128 as well: the
# child is still there then, be it as a zombie.
wait_for() {
    while :; do
        wait "$1"
        code=$?
        [ "$code" -gt 128 ] || return 0
        read_process "$1" && [ "$start" = "$2" ] || return 0
    done
}

record() {
    out_size=$(stat -c %s out)
    err_size=$(stat -c %s err)
    read_clock
    sizes="$out_size $err_size"
    note
    mv exit.none "exit.$code.${out_size:-0}.${err_size:-0}"
}

main; exit
