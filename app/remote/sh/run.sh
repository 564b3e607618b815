#!/bin/sh
# What the programs of a run share: the clock, the answer, and how a run folder is read. Set before: nonce.
# shellcheck disable=SC2034,SC2154 # the files are put one behind the other, variables go from one to the next

# Framed, since a login shell may print anything before it.
answer() {
    printf '%s:%s:%s\n' "$nonce" "$*" "$nonce"
    exit 0
}

# Sets `clock`, in hundredths of a second since the boot: the time of day may jump.
read_clock() {
    read -r clock _ </proc/uptime
    clock=${clock%.*}${clock#*.}
}

# Some servers' sleep takes whole seconds only.
pause() {
    sleep "$1" 2>/dev/null || sleep 1
}

# Sets state, parent, group, session and start of process $1. A name may hold blanks and brackets: the fields that count
# stand behind the last one.
read_process() {
    read -r line 2>/dev/null <"/proc/$1/stat" || return 1
    # shellcheck disable=SC2086 # separate words
    set -- ${line##*) }
    state=$1 parent=$2 group=$3 session=$4 start=${20}
}

# A zombie is not alive, whatever `kill -0` says; pid 1 of a container may never reap it. Another process may have got
# the pid by now: the start time tells.
is_alive() {
    read_process "$1" && [ "$state" != Z ] && [ "$state" != X ] && [ "$start" = "$2" ]
}

# Judges the run in folder $1 that is marked $2: sets kind, code, out_size and err_size.
judge() {
    run=$1 mark=$2 kind=missing code=- out_size=- err_size=- supervisor=- script=-
    [ -d "$run" ] || return 0
    if read_record; then
        kind=exited
    elif read -r supervisor supervisor_start script script_start boot _ 2>/dev/null <"$run/meta"; then
        judge_started
    else
        judge_unstarted
    fi
    if [ "$kind" != exited ]; then
        out_size=$(stat -c %s "$run/out" 2>/dev/null) || out_size=-
        err_size=$(stat -c %s "$run/err" 2>/dev/null) || err_size=-
    fi
    [ ! -e "$run/cancelled" ] || judge_cancelled
}

# How it ended stands in the name exit.CODE.OUT.ERR: a rename is atomic and needs no free block on a full disk.
read_record() {
    for record in "$run"/exit.*; do
        record=${record##*/exit.}
        case $record in
        *[!0-9.]*) ;;
        [0-9]*.[0-9]*.[0-9]*)
            code=${record%%.*} err_size=${record##*.} out_size=${record#*.}
            out_size=${out_size%.*}
            return 0
            ;;
        esac
    done
    return 1
}

# Sets `hole`: how much of spool $1 was given back to the disk, from its beginning on.
read_hole() {
    hole=0
    for noted in "$folder/hole.$1".*; do
        noted=${noted##*.}
        case $noted in *[!0-9]* | '') ;; *) [ "$noted" -le "$hole" ] || hole=$noted ;; esac
    done
}

# Ends the answer when spool $1 is asked for from byte $2 on and that was given back: it would read as NULs.
refuse_hole() {
    read_hole "$1"
    [ "$2" -ge "$hole" ] && return
    printf '%s!' "$nonce"
    exit 0
}

judge_started() {
    read -r boot_now </proc/sys/kernel/random/boot_id
    if [ "$boot" != "$boot_now" ]; then
        kind=rebooted
    elif is_alive "$supervisor" "$supervisor_start"; then
        kind=running
    elif read_record; then
        kind=exited
    else
        kind=lost
    fi
}

# Without its meta file a run has 10 s to begin; then its script is taken away, so that it never does.
judge_unstarted() {
    # Another launch may take its folder away at any moment.
    since=$(stat -c %Y "$run" 2>/dev/null) || return 0
    age=$(($(date +%s) - since))
    if [ -e "$run/cancelled" ] && [ ! -e "$run/script" ]; then
        kind=stillborn
    elif [ "$age" -ge 0 ] && [ "$age" -le 10 ]; then
        kind=starting
    else
        rm -f "$run/script.ready"
        kind=stillborn
        [ ! -e "$run/script" ] || kind=lost
    fi
}

# Cancelled is what ended after the mark was set, or has nothing alive any more.
judge_cancelled() {
    case $kind in
    exited | rebooted | stillborn) kind=cancelled ;;
    lost)
        find_processes
        [ -n "$members$others" ] || kind=cancelled
        ;;
    esac
}

# To be called when the mark `cancelled` or `sealed` is set: a supervisor that has not taken the script yet never gets
# it, one that has is given time to say whom it started.
hold_back() {
    rm -f "$folder/script.new" "$folder/script.ready"
    read_clock
    until_at=$((clock + 500))
    while [ -e "$folder/script" ] && [ ! -s "$folder/meta" ] && [ "$clock" -lt "$until_at" ]; do
        pause 0.01
        read_clock
    done
}
