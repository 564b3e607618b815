#!/bin/sh
# The supervisor of a run, in a session of its own: starts the script in another one, ends it at its deadline, and
# records how it ended. Set before: folder, uuid, deadline (seconds), deadline_code, grace (hundredths of a second).
# shellcheck disable=SC2034,SC2154 # the files are put one behind the other, variables go from one to the next

main() {
    cd "$folder" || exit
    umask 077
    late=''
    # Caught and not ignored: children get the default back.
    trap : HUP INT TERM
    trap 'late=yes' USR1
    # Only one of supervisor, cancel and seal gets the script.
    mv script.ready script || exit
    start_script
    watch &
    watcher=$!
    wait_for "$script" "$script_start"
    if [ -n "$late" ]; then
        read_process "$watcher" && wait_for "$watcher" "$start"
        code=$deadline_code
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

# Notes the sizes of the spools with the time, and ends the script at its deadline, also when the supervisor is gone.
watch() {
    trap : HUP INT TERM
    trap - USR1
    noted=''
    while [ -e exit.none ] && { is_alive "$supervisor" "$supervisor_start" || is_alive "$script" "$script_start"; }; do
        read_clock
        if [ "$clock" -ge $((begun + deadline * 100)) ]; then
            kill -USR1 "$supervisor" 2>/dev/null
            end_processes
            break
        fi
        sizes=$(stat -c %s out err)
        if [ "$sizes" != "$noted" ]; then note; fi
        noted=$sizes
        pause 0.2
    done
}

note() {
    # shellcheck disable=SC2086 # two words on one line
    { echo "$clock" $sizes >>idx; } 2>/dev/null
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
