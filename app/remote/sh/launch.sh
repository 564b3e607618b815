#!/bin/sh
# Starts a run, at most once: making its folder is the lock. Asked again, it answers the run that is there.
#
# Set before: folder, uuid, resource (may be empty), and the functions script_text and supervisor_text. All of it comes
# on stdin and runs from the last line on: what was cut off on the way does nothing.
# shellcheck disable=SC2154 # the files are put one behind the other, variables go from one to the next

main() {
    umask 077
    runs=${folder%/*} started=''
    command -v setsid >/dev/null || answer lacks setsid
    complaint=$(LC_ALL=C mkdir -p "$runs" 2>&1) || answer failed "$complaint"
    if complaint=$(LC_ALL=C mkdir "$folder" 2>&1); then
        start
    elif [ ! -d "$folder" ]; then
        answer failed "$complaint"
    fi
    await
}

start() {
    if ! complaint=$(prepare 2>&1); then
        discard
        answer failed "$complaint"
    fi
    # Every launch puts its name up before it looks: of two at once, at least one sees the other.
    refuse_second
    refuse_ended
    mv "$folder/script.new" "$folder/script.ready" 2>/dev/null || refuse_ended
    (cd "$folder" && exec setsid sh ./sup "$uuid") </dev/null >/dev/null 2>"$folder/sup.err" &
    started=$!
}

# Everything that the supervisor writes but the spools is made here, so that a full disk is known before the script
# runs. `cat` names the error, the shell's own printf may not.
prepare() (
    LC_ALL=C
    export LC_ALL
    cd "$folder" || exit
    printf '%s\n' "$resource" | cat >resource &&
        script_text >script.new &&
        supervisor_text >sup &&
        printf '%160s\n' '' | cat >meta.new &&
        touch out err idx sup.err exit.none hole.out.0 hole.err.0
)

# Removes what `prepare` made; a mark that was set meanwhile keeps the folder.
discard() {
    (cd "$folder" && rm -f resource script.new script.ready sup meta.new out err idx sup.err exit.none hole.*)
    rmdir "$folder" 2>/dev/null
}

refuse_second() {
    [ -n "$resource" ] || return 0
    for other in "$runs"/*/resource; do
        read -r name 2>/dev/null <"$other" || continue
        other=${other%/resource}
        if [ "$name" = "$resource" ] && [ "$other" != "$folder" ] && is_living "$other"; then
            discard
            answer busy "${other##*/}"
        fi
    done
}

refuse_ended() {
    for mark in sealed cancelled; do
        [ ! -e "$folder/$mark" ] || answer "$mark"
    done
}

# Waits until the run has said whom it started.
await() {
    refuse_ended
    judge "$folder" "$uuid"
    [ "$kind" != stillborn ] || answer stillborn
    read_clock
    until_at=$((clock + 1000))
    until [ -s "$folder/meta" ]; do
        if [ "$clock" -ge "$until_at" ] || { [ -n "$started" ] && ! kill -0 "$started" 2>/dev/null; }; then
            [ ! -s "$folder/meta" ] || break
            refuse_ended
            rm -f "$folder/script.ready"
            answer stillborn "$(head -n 1 "$folder/sup.err" 2>/dev/null)"
        fi
        pause 0.01
        read_clock
        refuse_ended
    done
    read -r _ _ script _ <"$folder/meta" || answer stillborn
    read -r uptime _ </proc/uptime
    answer started "$script" "$uptime"
}

main; exit
