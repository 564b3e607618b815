#!/bin/sh
# Ends a run with everything it started, and keeps one that has not begun from ever beginning. Answers as state.sh does.
# Set before: folder, uuid, grace (hundredths of a second).
# shellcheck disable=SC2034,SC2154 # the files are put one behind the other, variables go from one to the next

main() {
    umask 077
    complaint=$(LC_ALL=C mkdir -p "$folder" 2>&1) || answer failed "$complaint"
    [ ! -e "$folder/sealed" ] || answer missing - - -
    judge "$folder" "$uuid"
    [ "$kind" != exited ] || report
    # A disk too full for the mark must not keep a run from being killed.
    first='' complaint=$(mark_it 2>&1) && first=yes
    hold_back
    if [ ! -e "$folder/script" ] && [ ! -e "$folder/cancelled" ]; then answer failed "$complaint"; fi
    if [ -n "$first" ] && read_record; then
        # It ended before it was killed: that is what counts.
        rm -f "$folder/cancelled"
    else
        end
    fi
    judge "$folder" "$uuid"
    report
}

# Fails when the mark is there already: of two that cancel at once only the first may take it back.
mark_it() (
    LC_ALL=C
    export LC_ALL
    set -C
    true >"$folder/cancelled"
)

end() {
    judge "$folder" "$uuid"
    case $kind in starting | running | lost) ;; *) return ;; esac
    end_processes
    if [ -n "$members$others" ]; then answer survivors "$members$others"; fi
    # The supervisor still has to record the end.
    read_clock
    until_at=$((clock + 500))
    while [ -e "$folder/exit.none" ] && [ "$clock" -lt "$until_at" ] && is_alive "$supervisor" "$supervisor_start"; do
        pause 0.01
        read_clock
    done
}

report() {
    answer "$kind" "$code" "$out_size" "$err_size"
}

main; exit
