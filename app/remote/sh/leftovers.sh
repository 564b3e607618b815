#!/bin/sh
# Lists the runs that were not sealed, one a line: UUID AGE (seconds) alive|over. So is one of which there is nothing
# but files that were uploaded more than an hour ago. Set before: runs (the folder of the run folders).
# shellcheck disable=SC2154 # the files are put one behind the other, variables go from one to the next

main() {
    found='' now=$(date +%s)
    for entry in "$runs"/*; do
        name=${entry##*/}
        case $name in
        *[!A-Za-z0-9_.-]*) ;;
        *.*[!0-9]* | *.) ;;
        *.*) list_upload ;;
        *) list_run ;;
        esac
    done
    answer "$found"
}

list_run() {
    holds_something "$entry" && read_age || return 0
    found="$found$name $age"
    if is_living "$entry"; then found="$found alive$newline"; else found="$found over$newline"; fi
}

list_upload() {
    uuid=${name%.*}
    case $found in "$uuid "* | *"$newline$uuid "*) return 0 ;; esac
    [ -d "$entry" ] && read_age && [ "$age" -gt 3600 ] || return 0
    found="$found$uuid $age over$newline"
}

# A tombstone holds nothing but its marks.
holds_something() {
    for content in "$1"/*; do
        case ${content##*/} in
        sealed | cancelled | '*') ;;
        *) return 0 ;;
        esac
    done
    return 1
}

# The age is that of the last file that was made in the folder, or renamed: the record of the end.
read_age() {
    since=$(stat -c %Y "$entry" 2>/dev/null) || return 1
    age=$((now - since))
    if [ "$age" -lt 0 ]; then age=0; fi
}

main; exit
