#!/bin/sh
# Finds and ends the processes of a run. Set before: mark, script, script_start; to end them: grace.
# shellcheck disable=SC2154 # the files are put one behind the other, variables go from one to the next

newline='
'

# Tells whether anything of the run in folder $1 is alive or about to begin.
is_living() {
    judge "$1" "${1##*/}"
    case $kind in
    starting | running) return 0 ;;
    lost) ;;
    *) return 1 ;;
    esac
    find_processes
    [ -n "$members$others" ]
}

# Sets `members`, those of the script's process group, and `others`, those that left it but not its session or that
# carry the mark in their environment. (Who clears the environment and opens a session escapes.)
find_processes() {
    members='' others='' leader=$script carriers=$(list_carriers)
    # `kill -TERM -1` would end everything on the server.
    case $script in *[!0-9]* | '' | 0 | 1) leader=- ;; esac
    # When another process has the script's pid, nothing is left of its session: a pid is not given again before.
    if read_process "$script" && [ "$start" != "$script_start" ]; then leader=-; fi
    for entry in /proc/[0-9]*; do
        pid=${entry#/proc/}
        read_process "$pid" || continue
        case $state in Z | X) continue ;; esac
        if [ "$group" = "$leader" ]; then
            members="$members $pid"
        elif [ "$session" = "$leader" ] || [ "$pid" = "$leader" ] || is_marked; then
            others="$others $pid"
        fi
    done
}

is_marked() {
    case $newline$carriers$newline in *"$newline/proc/$pid/environ$newline"*) return 0 ;; esac
    return 1
}

# Prints the files of the environments that carry the mark: one grep where it knows -z, else two processes for each
# process but the kernel's, the children of 2.
list_carriers() {
    if printf 'a\000b' | grep -Fqxz b; then
        grep -Flxz "SHIPLOG_RUN=$mark" /proc/[0-9]*/environ
        return
    fi
    for file in /proc/[0-9]*/environ; do
        pid=${file%/environ}
        if [ -r "$file" ] && read_process "${pid#/proc/}" && [ "$parent" != 2 ]; then
            ! tr '\0' '\n' <"$file" | grep -Fqx "SHIPLOG_RUN=$mark" || echo "$file"
        fi
    done
} 2>/dev/null

# Sends signal $1 to all that were found. `kill -TERM -GROUP` is the one form that dash, bash and busybox all take.
send() {
    [ -z "$members" ] || kill "-$1" "-$script" 2>/dev/null
    for pid in $others; do kill "-$1" "$pid" 2>/dev/null; done
    foreign=
    for pid in $members $others; do
        kill -0 "$pid" 2>/dev/null || [ ! -d "/proc/$pid" ] || foreign="$foreign $pid"
    done
    # What the script started through sudo is root's.
    # shellcheck disable=SC2086 # separate words
    [ -z "$foreign" ] || sudo -n kill "-$1" $foreign </dev/null >/dev/null 2>&1
}

some_live() {
    for pid in $members $others; do
        if read_process "$pid" && [ "$state" != Z ]; then return 0; fi
    done
    return 1
}

# TERM, CONT for the stopped ones, `grace` hundredths of a second, KILL until nothing is left. New ones
# are not looked for during the grace: without -z that costs two processes for each one on the server.
end_processes() {
    find_processes
    send TERM
    send CONT
    read_clock
    until_at=$((clock + grace))
    while some_live && [ "$clock" -lt "$until_at" ]; do
        pause 0.05
        read_clock
    done
    rounds=0
    find_processes
    while [ -n "$members$others" ] && [ "$rounds" -lt 20 ]; do
        send KILL
        pause 0.05
        rounds=$((rounds + 1))
        find_processes
    done
}
