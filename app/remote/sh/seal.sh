#!/bin/sh
# Empties the folder of a run that is over and keeps it as a tombstone, so that the run never begins again. Removes what
# was uploaded for it, and tombstones older than a day. Set before: folder, uuid.
# shellcheck disable=SC2154 # the files are put one behind the other, variables go from one to the next

main() {
    umask 077
    runs=${folder%/*}
    complaint=$(LC_ALL=C mkdir -p "$folder" 2>&1) || answer failed "$complaint"
    if [ ! -e "$folder/sealed" ]; then
        touch "$folder/sealed" 2>/dev/null
        hold_back
        refuse_living
    fi
    empty
    rm -rf "$folder".*
    prune
    # A disk that was too full for the mark has room now.
    complaint=$(LC_ALL=C touch "$folder/sealed" 2>&1) || answer failed "$complaint"
    answer sealed
}

refuse_living() {
    judge "$folder" "$uuid"
    case $kind in
    running) ;;
    starting) [ -e "$folder/script" ] || return 0 ;;
    lost)
        find_processes
        [ -n "$members$others" ] || return 0
        ;;
    *) return 0 ;;
    esac
    rm -f "$folder/sealed"
    answer alive
}

empty() {
    for entry in "$folder"/* "$folder"/.[!.]*; do
        [ "$entry" = "$folder/sealed" ] || rm -rf "$entry"
    done
}

# A run that was cancelled before it began is a tombstone too.
prune() {
    now=$(date +%s)
    stat -c '%Y %n' "$runs"/*/sealed "$runs"/*/cancelled 2>/dev/null | while read -r since tombstone; do
        tombstone=${tombstone%/*}
        if [ $((now - since)) -gt 86400 ] && [ "$tombstone" != "$folder" ] && [ ! -e "$tombstone/out" ]; then
            rm -rf "$tombstone" "$tombstone".*
        fi
    done
}

main; exit
