#!/bin/sh
# Looks at the containers of a Compose project until all are well, one is not, or the time is over.
#
#   verify.sh PROJECT SECONDS [PAUSE]     SECONDS 0: one look, to explain why they did not start
#
# Well: healthy, or without a health check running on three looks in a row with the same start time, or exited 0 where
# nothing restarts it or another service waits for its completion. The last line on stderr is the reason of a failure;
# before it stand the last 50 lines of each container concerned. Only `docker ps`, `inspect` and `logs` are used.
set -u

project=$1
seconds=$2
pause=${3:-1}
most_restarts=8
newline='
'
fields='{{.ID}}|{{.Name}}|{{index .Config.Labels "com.docker.compose.service"}}|{{.State.Status}}|{{.State.ExitCode}}'
fields="$fields|{{.RestartCount}}|{{.HostConfig.RestartPolicy.Name}}|{{if .State.Health}}{{.State.Health.Status}}{{end}}"
fields="$fields|{{.State.StartedAt}}|{{.State.OOMKilled}}|{{index .Config.Labels \"com.docker.compose.depends_on\"}}"

uptime_seconds() {
    cut -d . -f 1 /proc/uptime
}

# One line of fields per container. Fails when Docker does not answer or a container went away in between.
read_states() {
    ids=$(docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$project" \
        --filter label=com.docker.compose.oneoff=False) || return 1
    [ -n "$ids" ] || return 0
    # shellcheck disable=SC2086 # the ids are separate words
    docker inspect --format "$fields" $ids
}

# The services whose completion another one waits for.
awaited_services() {
    printf '%s\n' "$1" | cut -d '|' -f 11 | tr , '\n' | sed -n 's/:service_completed_successfully.*//p'
}

is_awaited() {
    case $newline$awaited$newline in *"$newline$1$newline"*) return 0 ;; esac
    return 1
}

# The whole last answer of the health check on one line.
health_output() {
    docker inspect --format '{{if .State.Health}}{{range .State.Health.Log}}{{println "\u001e"}}{{println .Output}}{{end}}{{end}}' "$1" |
        awk '/^\036/ { text = ""; next } NF { $1 = $1; text = text " " $0 } END { print substr(text, 2, 500) }'
}

blame() { # id, name, service, what is the matter
    bad_ids="$bad_ids $1"
    bad_count=$((bad_count + 1))
    [ -n "$reason" ] || reason="Container $2 (service $3) $4"
}

# Sets `description`, and counts the container as bad, waiting or well.
judge() {
    description="$status"
    memory=
    [ "$oom" != true ] || memory=' (out of memory)'
    case $status in
    running)
        case $health in
        '' | none) started_at_once="$started_at_once $id=$started" ;;
        healthy) description='running, healthy' ;;
        unhealthy)
            description='running, unhealthy'
            said=$(health_output "$id")
            if [ -n "$said" ]; then said=": $said"; else said=.; fi
            blame "$id" "$name" "$service" "is unhealthy$said"
            return
            ;;
        *)
            description="running, health check $health"
            waiting=$((waiting + 1))
            ;;
        esac
        ;;
    restarting)
        description="restarting after exit code $code$memory"
        if ! { is_awaited "$service" && [ "$code" = 0 ]; }; then
            waiting=$((waiting + 1))
        fi
        ;;
    exited | dead)
        description="$status with code $code$memory"
        if [ "$code" != 0 ]; then
            blame "$id" "$name" "$service" "exited with code $code$memory."
        elif ! is_awaited "$service" && { [ "$policy" = always ] || [ "$policy" = unless-stopped ]; }; then
            blame "$id" "$name" "$service" "was stopped."
        fi
        return
        ;;
    *) waiting=$((waiting + 1)) ;;
    esac
    if [ "$restarts" -gt "$most_restarts" ] && ! is_awaited "$service"; then
        blame "$id" "$name" "$service" "keeps restarting: $restarts times so far, last exit code $code$memory."
    fi
}

# Looks at all containers once and says on stdout what has changed since the last look.
look() {
    awaited=$(awaited_services "$states")
    bad_ids='' bad_count=0 reason='' waiting=0 started_at_once='' waiting_for='' descriptions=''
    while IFS='|' read -r id name service status code restarts policy health started oom _; do
        name=${name#/}
        was_waiting=$waiting
        judge
        [ "$waiting" = "$was_waiting" ] || waiting_for="$waiting_for$id|$name|$service|$description$newline"
        descriptions="$descriptions$name: $description$newline"
        case $newline$shown in
        *"$newline$name: $description$newline"*) ;;
        *) printf '%s: %s\n' "$name" "$description" ;;
        esac
    done <<EOF
$states
EOF
    shown=$descriptions
}

# Shows the containers' last lines, then the reason, and ends; all on one stream, so that the order is sure.
give_up() {
    exec >&2
    for id in $bad_ids; do
        printf 'The last 50 lines of %s:\n' "$(docker inspect --format '{{.Name}}' "$id" | sed 's,^/,,')"
        lines=$(docker logs --tail 50 "$id" 2>&1)
        printf '%s\n' "$lines"
    done
    [ "$bad_count" -le 1 ] || reason="$reason ($((bad_count - 1)) more failed.)"
    printf '%s\n' "$reason"
    exit 1
}

time_is_over() {
    while IFS='|' read -r id name service description; do
        [ -z "$id" ] || blame "$id" "$name" "$service" "was not ready in time: $description. $(health_output "$id")"
    done <<EOF
$waiting_for
EOF
    [ -n "$reason" ] || reason="The containers did not keep running in time."
    give_up
}

shown='' before='' steady=0 unanswered=0 begin=$(uptime_seconds)
while :; do
    if states=$(read_states); then
        unanswered=0
    else
        unanswered=$((unanswered + 1))
        if [ "$unanswered" -ge 10 ] || [ "$seconds" = 0 ]; then
            echo 'Docker no longer answers on this server.' >&2
            exit 1
        fi
        sleep "$pause"
        continue
    fi
    if [ -z "$states" ]; then
        [ "$seconds" != 0 ] || exit 1
        echo 'No container was started.' >&2
        exit 1
    fi
    look
    [ "$bad_count" = 0 ] || give_up
    [ "$seconds" != 0 ] || exit 1
    if [ "$waiting" = 0 ]; then
        if [ "$started_at_once" = "$before" ]; then steady=$((steady + 1)); else steady=1; fi
        before=$started_at_once
        if [ -z "$started_at_once" ] || [ "$steady" -ge 3 ]; then
            echo 'All containers are well.'
            exit 0
        fi
    else
        steady=0
    fi
    [ $(($(uptime_seconds) - begin)) -lt "$seconds" ] || time_is_over
    sleep "$pause"
done
