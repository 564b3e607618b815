#!/bin/sh
# Prints both spools from a byte on, as they grow, until the run has ended or stdin has. Set before: folder, nonce,
# out_offset, err_offset.
# shellcheck disable=SC2154 # the files are put one behind the other, variables go from one to the next

main() {
    # Nothing but the spool goes to stderr; background jobs would get /dev/null as stdin.
    exec 3<&0 4>&2 2>/dev/null
    refuse_hole out "$out_offset"
    refuse_hole err "$err_offset"
    printf '%s:' "$nonce"
    printf '%s:' "$nonce" >&4
    cd "$folder" || exit
    if ! read -r supervisor supervisor_start _ <meta; then
        pause 0.2
        exit
    fi
    # A follower of a quiet run must not outlive its client, and not every tail has --pid.
    cat <&3 >/dev/null &
    client=$!
    tail -c "+$((out_offset + 1))" -f out &
    out_tail=$!
    tail -c "+$((err_offset + 1))" -f err >&4 &
    err_tail=$!
    while kill -0 "$client" && is_alive "$supervisor" "$supervisor_start"; do pause 0.1; done
    pause 0.1
    kill "$out_tail" "$err_tail" "$client"
}

main; exit
