#!/bin/sh
# Prints a piece of a spool, nothing when it is not there. Set before: folder, nonce, spool, offset, limit.
# shellcheck disable=SC2154 # the files are put one behind the other, variables go from one to the next

main() {
    refuse_hole "$spool" "$offset"
    printf '%s:' "$nonce"
    tail -c "+$((offset + 1))" "$folder/$spool" 2>/dev/null | head -c "$limit"
    printf ':%s\n' "$nonce"
}

main; exit
