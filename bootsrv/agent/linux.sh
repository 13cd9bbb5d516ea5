#!/bin/sh
# PureBoot's node agent: asks for its step, performs it, reports it, until the execution is over.
#
# It needs a POSIX shell (dash, bash, busybox ash), curl or wget (GNU's or busybox's), and cat, head, mkdir, mv, sed,
# sleep, tail, tr and wc. Where to ask is in pureboot.callback=URL and pureboot.token=TOKEN: arguments of this script,
# or words of the kernel's command line; or in the variables PUREBOOT_CALLBACK and PUREBOOT_TOKEN.
#
# A script it runs finds two files to write to: lines "key=value" in $PUREBOOT_OUTPUT become the step's output, lines
# "40 message" in $PUREBOOT_PROGRESS its progress.
#
# Everything it knows is in files of a private folder, so that it can be killed at any moment and started again:
#   STATE/EXECUTION/STEP.ATTEMPT/started   made before the script runs, so that no attempt is ever begun twice
#   …/log, sent                            the script's output, and how many bytes of it the server has
#   …/pid, code                            the process that runs the script, and the exit code it left
#   …/result                               the report, kept until the server has it
# It ends with 0 when the execution is over, 2 when it was started wrongly, 3 when the server does not know it.
#
# Variables for tests and odd places: PUREBOOT_STATE (folder), PUREBOOT_BOOT_ID, PUREBOOT_CMDLINE (file),
# PUREBOOT_REBOOT (command called with reboot or poweroff), and in whole seconds PUREBOOT_WAIT, PUREBOOT_TICK,
# PUREBOOT_PATIENCE, PUREBOOT_HEARTBEAT, PUREBOOT_GRACE and PUREBOOT_BACKOFF (the longest pause after a failure).

set -fu
umask 077

WAIT=${PUREBOOT_WAIT:-30}            # how long the server may think about `current`
TICK=${PUREBOOT_TICK:-1}             # how often a running script is looked at
BEAT=${PUREBOOT_HEARTBEAT:-30}       # longest silence while a script runs
BACKOFF=${PUREBOOT_BACKOFF:-15}
GRACE=${PUREBOOT_GRACE:-5}           # between TERM and KILL
CHUNK=131072                         # bytes of log in one request
PATIENCE=${PUREBOOT_PATIENCE:-15}    # how long a request may take that the server answers at once
REFUSALS=5                           # how often "I do not know you" is heard before it is believed

say() { printf 'pureboot-agent: %s\n' "$*" >&2; }

die() {
    say "$2"
    exit "$1"
}

# --- what it was started with

# The last word NAME=… among words: word NAME WORDS…
word() {
    name=$1
    shift
    found=
    for each in "$@"; do
        case $each in "$name="*) found=${each#*=} ;; esac
    done
    printf '%s' "$found"
}

# shellcheck disable=SC2046  # the kernel's command line is words
set_up() {
    CALLBACK=$(word pureboot.callback "$@")
    TOKEN=$(word pureboot.token "$@")
    : "${CALLBACK:=${PUREBOOT_CALLBACK:-}}" "${TOKEN:=${PUREBOOT_TOKEN:-}}"
    unset PUREBOOT_TOKEN # what it runs need not have it
    cmdline=$(cat "${PUREBOOT_CMDLINE:-/proc/cmdline}" 2>/dev/null)
    : "${CALLBACK:=$(word pureboot.callback $cmdline)}" "${TOKEN:=$(word pureboot.token $cmdline)}"
    CALLBACK=${CALLBACK%/}
    case $CALLBACK in
    http://*/* | https://*/*) ;;
    '') die 2 "no pureboot.callback= in the arguments, the environment or on the kernel's command line" ;;
    *) die 2 "pureboot.callback=$CALLBACK is no URL" ;;
    esac
    plain "${CALLBACK##*/}" || die 2 "pureboot.callback=$CALLBACK ends in no execution"
    choose_client
    make_state
    make_boot_id
}

# Whether a text is fit to be part of a file name or a URL.
plain() { case $1 in '' | .* | *[!A-Za-z0-9._-]*) return 1 ;; esac; }

choose_client() {
    if command -v curl >/dev/null 2>&1; then
        CLIENT=curl
    elif command -v wget >/dev/null 2>&1; then
        case $(wget --help 2>&1) in *[Bb]usy[Bb]ox*) CLIENT=busybox ;; *) CLIENT=wget ;; esac
    else
        die 2 "neither curl nor wget is here"
    fi
}

make_state() {
    for base in "${PUREBOOT_STATE:-/run/pureboot-agent}" "${TMPDIR:-/tmp}/pureboot-agent"; do
        mkdir -p "$base" 2>/dev/null
        # Whoever owns the folder owns what runs: somebody else's, prepared in /tmp, is not used.
        if [ -d "$base" ] && [ ! -L "$base" ] && [ -O "$base" ] && chmod 700 "$base"; then
            STATE=$base/${CALLBACK##*/}
            mkdir -p "$STATE" && return
        fi
    done
    die 2 "there is no folder to work in; set PUREBOOT_STATE to one"
}

# Names this life of the machine: an attempt that one life took is not run by the next.
make_boot_id() {
    BOOT_ID=${PUREBOOT_BOOT_ID:-$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)}
    if ! plain "$BOOT_ID"; then
        [ -s "$STATE/boot-id" ] || LC_ALL=C tr -dc a-f0-9 </dev/urandom 2>/dev/null | head -c 32 >"$STATE/boot-id"
        BOOT_ID=$(cat "$STATE/boot-id")
    fi
}

# --- asking the server

# request PATH SECONDS [FILE TYPE]: GET, or POST of a file. Sets STATUS to the answer's, 000 if there was none; the
# answer's body is in $STATE/answer.
request() {
    : >"$STATE/answer"
    case $CLIENT in
    curl) by_curl "$@" ;;
    wget) by_wget "$@" ;;
    *) by_busybox "$@" ;;
    esac
}

by_curl() {
    STATUS=$(curl -s -o "$STATE/answer" -w '%{http_code}' --noproxy '*' --connect-timeout 10 --max-time "$2" \
        ${TOKEN:+-H} ${TOKEN:+"Authorization: Bearer $TOKEN"} -H 'Expect:' \
        ${3:+-H} ${3:+"Content-Type: $4"} ${3:+--data-binary} ${3:+"@$3"} "$CALLBACK$1") || STATUS=000
}

by_wget() {
    wget -q -S -O "$STATE/answer" --no-proxy -t 1 -T "$2" \
        ${TOKEN:+--header} ${TOKEN:+"Authorization: Bearer $TOKEN"} \
        ${3:+--header} ${3:+"Content-Type: $4"} ${3:+--post-file} ${3:+"$3"} "$CALLBACK$1" 2>"$STATE/headers"
    status_of $?
}

# Its -T crashes in busybox 1.35, so it is watched from here.
by_busybox() {
    limit=$2
    wget -q -S -Y off -O "$STATE/answer" \
        ${TOKEN:+--header} ${TOKEN:+"Authorization: Bearer $TOKEN"} \
        ${3:+--header} ${3:+"Content-Type: $4"} ${3:+--post-file} ${3:+"$3"} "$CALLBACK$1" 2>"$STATE/headers" &
    client=$!
    (
        sleep "$limit" &
        nap=$!
        trap 'kill $nap; exit' TERM
        wait $nap
        kill -KILL $client
    ) >/dev/null 2>&1 &
    watch=$!
    wait $client 2>/dev/null
    code=$?
    kill $watch 2>/dev/null
    status_of $code
}

# wget tells the status in its messages; a success that it did not get to the end of is none.
status_of() {
    STATUS=$(sed -n 's/^.*HTTP\/1\.[01] \([0-9][0-9][0-9]\).*$/\1/p' "$STATE/headers" | sed -n '$p')
    case $1:$STATUS in
    *: | [!0]*:[123]*) STATUS=000 ;;
    esac
}

# Longer and longer pauses, until something is answered again.
PAUSE=1
lengthen() {
    PAUSE=$((PAUSE * 2))
    [ "$PAUSE" -le "$BACKOFF" ] || PAUSE=$BACKOFF
}

back_off() {
    sleep "$PAUSE"
    lengthen
}

# --- what is said to the server

# Text as the inside of a JSON string: without control characters, on one line.
json() {
    printf '%s' "$1" | LC_ALL=C tr -d '\000-\010\013-\037\177' | LC_ALL=C tr '\n' ' ' | LC_ALL=C sed "$ESCAPE"
}
TAB=$(printf '\t')
ESCAPE="s/\\\\/\\\\\\\\/g; s/\"/\\\\\"/g; s/$TAB/\\\\t/g"

# The members of `output`, from the lines key=value that the script wrote.
outputs() {
    [ -s "$ATTEMPT/output" ] || return 0
    head -c 262144 "$ATTEMPT/output" | LC_ALL=C tr -d '\000-\010\013-\037\177' |
        LC_ALL=C sed -n "$ESCAPE; s/^\\([A-Za-z0-9_][A-Za-z0-9_.-]*\\)=\\(.*\\)\$/\"\\1\":\"\\2\"/p" |
        LC_ALL=C sed '$!s/$/,/'
}

# result STATUS EXIT_CODE MESSAGE: written whole or not at all.
result() {
    {
        printf '{"status":"%s","attempt":%s' "$1" "$PB_ATTEMPT"
        [ -z "$2" ] || printf ',"exit_code":%s' "$2"
        printf ',"message":"%s","output":{%s}}' "$(json "$3")" "$(outputs)"
    } >"$ATTEMPT/result.new"
    mv "$ATTEMPT/result.new" "$ATTEMPT/result"
}

# The result, until the server has it or does not want it: then 1.
deliver() {
    while :; do
        request "/step/$PB_STEP_ID" "$PATIENCE" "$ATTEMPT/result" application/json
        case $STATUS in
        2??)
            PAUSE=1
            return 0
            ;;
        413 | 422)
            # What the script wrote does not do: how it ended must be known all the same.
            say "the server does not take the whole result of $PB_STEP_NAME ($STATUS)"
            short=$(LC_ALL=C sed 's/,"message":.*$/}/' "$ATTEMPT/result")
            [ "$short" != "$(cat "$ATTEMPT/result")" ] || return 1
            printf '%s' "$short" >"$ATTEMPT/result"
            ;;
        408 | 425 | 429) back_off ;; # not now
        4??)
            say "the server does not want the result of $PB_STEP_NAME any more ($STATUS)"
            return 1
            ;;
        *) back_off ;;
        esac
    done
}

# report JSON_MEMBERS: a progress report, which is a sign of life too. 1 if the attempt is not wanted any more.
report() {
    printf '{"status":"progress","attempt":%s%s}' "$PB_ATTEMPT" "$1" >"$ATTEMPT/report"
    request "/step/$PB_STEP_ID" "$PATIENCE" "$ATTEMPT/report" application/json
    case $STATUS in 404 | 409 | 410) return 1 ;; esac
}

# --- the log

# What of the log the server does not have: send_log [all]; where there is more than one piece, whole lines.
# 0 if it has all there was, 1 if it could not be sent, 2 if it is not wanted any more.
send_log() {
    rounds=4
    size=$(wc -c <"$ATTEMPT/log") # not more, for what the script left behind may write for ever
    while [ "$SENT" -lt "$size" ]; do
        [ "$rounds" -gt 0 ] || [ "${1:-}" = all ] || return 0
        rounds=$((rounds - 1))
        tail -c "+$((SENT + 1))" "$ATTEMPT/log" | head -c "$CHUNK" >"$ATTEMPT/chunk"
        length=$(wc -c <"$ATTEMPT/chunk")
        lines=$(wc -l <"$ATTEMPT/chunk")
        if [ "$length" -eq "$CHUNK" ] && [ "$lines" -gt 0 ]; then
            head -n "$lines" "$ATTEMPT/chunk" >"$ATTEMPT/lines"
            mv "$ATTEMPT/lines" "$ATTEMPT/chunk"
            length=$(wc -c <"$ATTEMPT/chunk")
        fi
        # busybox's wget ends what it sends at the first NUL
        LC_ALL=C tr '\000' '\001' <"$ATTEMPT/chunk" >"$ATTEMPT/lines"
        request "/step/$PB_STEP_ID/logs?attempt=$PB_ATTEMPT&offset=$SENT" "$PATIENCE" \
            "$ATTEMPT/lines" text/plain
        case $STATUS in
        2??)
            PAUSE=1
            SENT=$((SENT + length))
            printf '%s' "$SENT" >"$ATTEMPT/sent.new"
            mv "$ATTEMPT/sent.new" "$ATTEMPT/sent"
            ;;
        408 | 425 | 429) return 1 ;; # not now
        4??) return 2 ;;
        *) return 1 ;;
        esac
    done
}

# --- a script

perform_script() {
    if [ -f "$ATTEMPT/result" ]; then
        deliver
        return
    fi
    mkdir -p "$ATTEMPT"
    : >>"$ATTEMPT/log"
    begun_here=
    if mkdir "$ATTEMPT/started" 2>/dev/null; then
        begun_here=1
        begin
    fi
    watch_script
    finish
}

# The process that runs the script, in a session of its own so that it can be ended with all its children, and so that
# it outlives an agent that is killed. It leaves the exit code behind. TERM is for the script: it is caught, and what is
# caught is not inherited.
RUNNER='
echo $$ >"$1/pid.new"
mv "$1/pid.new" "$1/pid"
trap : TERM INT HUP
umask 022
cd "$1/work" || exit
PUREBOOT_OUTPUT=$1/output PUREBOOT_PROGRESS=$1/progress
export PUREBOOT_OUTPUT PUREBOOT_PROGRESS PUREBOOT_EXECUTION PUREBOOT_STEP PUREBOOT_ATTEMPT
dir=$1 interpreter=$(cat "$1/interpreter")
set -f
eval "set -- $(cat "$1/env")"
env "$@" $interpreter "$dir/script"
echo $? >"$dir/code.new"
mv "$dir/code.new" "$dir/code"
'

begin() {
    mkdir -p "$ATTEMPT/work"
    printf '%s' "$PB_SCRIPT" >"$ATTEMPT/script"
    printf '%s' "$PB_INTERPRETER" >"$ATTEMPT/interpreter"
    printf '%s' "$PB_ENV" >"$ATTEMPT/env"
    printf '%s' "$RUNNER" >"$ATTEMPT/runner"
    chmod 700 "$ATTEMPT/script"
    say "runs $PB_STEP_NAME, attempt $PB_ATTEMPT"
    own_session=
    command -v setsid >/dev/null 2>&1 && own_session=setsid
    PUREBOOT_EXECUTION=$PB_EXECUTION_ID PUREBOOT_STEP=$PB_STEP_KEY PUREBOOT_ATTEMPT=$PB_ATTEMPT \
        $own_session sh "$ATTEMPT/runner" "$ATTEMPT" >>"$ATTEMPT/log" 2>&1 </dev/null &
    PID=$!
}

clock() {
    if read -r uptime _ </proc/uptime; then # not the time of day, which installers set
        NOW=${uptime%%.*}
    else
        NOW=$(date +%s)
    fi
} 2>/dev/null

is_running() {
    [ ! -s "$ATTEMPT/pid" ] || PID=$(cat "$ATTEMPT/pid")
    { [ -n "$PID" ] && kill -0 "$PID" 2>/dev/null; } || return 1
    [ -d "/proc/$PID" ] || return 0
    # Without arguments it has ended and waits to be asked how; with others, another process has its number by now.
    case $begun_here:$(tr '\000' ' ' <"/proc/$PID/cmdline" 2>/dev/null) in
    1:?* | *"$ATTEMPT"*) return 0 ;;
    *) return 1 ;;
    esac
}

# Until the script has ended: its log, its progress, signs of life, its time.
watch_script() {
    [ -n "$begun_here" ] || PID=
    SENT=$(cat "$ATTEMPT/sent" 2>/dev/null) || SENT=0
    TOLD=
    ENDED=           # why it was ended from here
    unwanted=        # the attempt is over for the server
    log_unwanted=
    link_at=0        # not before that time is the server asked again
    kill_at=
    clock
    born=$NOW
    beat_at=$((NOW + beat))
    young=10
    until [ -f "$ATTEMPT/code" ]; do
        is_running || {
            sleep "$TICK" # it may have been about to leave its exit code
            break
        }
        if [ "$young" -gt 0 ]; then
            young=$((young - 1))
            sleep 0.1 2>/dev/null || young=0
            continue
        fi
        sleep "$TICK"
        clock
        [ -n "$unwanted" ] || [ "$NOW" -lt "$link_at" ] || talk
        if [ -n "$ENDED" ]; then
            [ "$NOW" -lt "$kill_at" ] || signal KILL
        elif [ -n "$unwanted" ]; then
            end_script "it is not wanted any more"
        elif [ -n "$PB_TIMEOUT" ] && [ $((NOW - born)) -ge "$PB_TIMEOUT" ]; then
            end_script "took longer than its timeout"
        fi
    done
}

talk() {
    send_log
    case $? in
    1)
        link_at=$((NOW + PAUSE))
        lengthen
        return
        ;;
    2)
        unwanted=1 log_unwanted=1
        return
        ;;
    esac
    if ! send_progress; then
        unwanted=1
    elif [ "$NOW" -ge "$beat_at" ]; then
        beat_at=$((NOW + beat))
        report '' || unwanted=1
    fi
}

# The last line "40 message" that the script wrote, if it is new.
send_progress() {
    [ -s "$ATTEMPT/progress" ] || return 0
    line=$(tail -c 4096 "$ATTEMPT/progress" | LC_ALL=C tr -d '\000-\010\013-\037\177' |
        LC_ALL=C sed -n 's/^ *0*\([0-9][0-9]*\)%* *\(.*\)$/\1 \2/p' | sed -n '$p')
    [ -n "$line" ] && [ "$line" != "$TOLD" ] || return 0
    percent=${line%% *}
    case $percent in ????*) percent=100 ;; esac
    [ "$percent" -le 100 ] || percent=100
    report ",\"progress_percent\":$percent,\"message\":\"$(json "${line#* }")\"" || return 1
    case $STATUS in 2??) TOLD=$line ;; esac
}

end_script() {
    ENDED=$1
    say "ends $PB_STEP_NAME: $ENDED"
    kill_at=$((NOW + GRACE))
    signal TERM
}

signal() { kill "-$1" "-$PID" 2>/dev/null || kill "-$1" "$PID" 2>/dev/null; }

# How it ended, for the server: first the rest of the log, then the result. The log of an attempt that is over may be
# wanted although its result is not: the last words of a script that took too long.
finish() {
    while [ -z "$log_unwanted" ]; do
        send_log all
        case $? in
        0) break ;;
        1)
            [ -z "$unwanted" ] || break
            back_off
            ;;
        2) unwanted=1 log_unwanted=1 ;;
        esac
    done
    [ -n "$unwanted" ] || send_progress
    code=$(cat "$ATTEMPT/code" 2>/dev/null)
    last=$(tail -c 4096 "$ATTEMPT/log" 2>/dev/null | LC_ALL=C tr -d '\000' |
        LC_ALL=C sed -n '/[^[:space:]]/h; ${x;p;}' | head -c 500)
    case $ENDED:$code in
    :0) result success 0 "$last" ;;
    :) result failed "" "$(lost_reason)" ;;
    :*) result failed "$code" "${last:-the script ended with exit code $code}" ;;
    *) result failed "$code" "$ENDED" ;;
    esac
    [ -z "$unwanted" ] && deliver
    rm -rf "$ATTEMPT/work" "$ATTEMPT/log" "$ATTEMPT/chunk" "$ATTEMPT/lines" "$ATTEMPT/script"
}

lost_reason() {
    if [ -n "$begun_here" ]; then
        printf 'the script was ended from outside'
    else
        printf 'the agent was restarted while the script ran'
    fi
}

# --- booting

perform_boot() {
    if [ "$PB_SERVED" = 1 ]; then
        mkdir -p "$ATTEMPT"
        result success "" "the machine runs what it was given to boot"
        deliver
        return
    fi
    # It was not: this is what the machine ran before. It gets there by the network.
    say "$PB_STEP_NAME wants the machine to boot from the network"
    printf 'the machine runs something else: the agent restarts it\n' >"$STATE/line"
    request "/step/$PB_STEP_ID/logs?attempt=$PB_ATTEMPT" "$PATIENCE" "$STATE/line" text/plain
    leave reboot
}

perform_reboot() {
    mkdir -p "$ATTEMPT"
    result success "" "$PB_OP"
    if deliver; then
        leave "$PB_OP"
    fi
}

# Reboot or power off; nothing is asked any more.
leave() {
    say "$1"
    sync
    if [ -n "${PUREBOOT_REBOOT:-}" ]; then
        $PUREBOOT_REBOOT "$1"
    elif [ -d /run/systemd/system ]; then
        "$1"
        sleep 300 # for what runs to be stopped in order
        by_force "$1"
    else
        by_force "$1" # no service manager that could be asked: an installer's or a rescue system
    fi
    while :; do sleep 3600; done
}

by_force() {
    "$1" -f || "$1"
    sleep 30
    case $1 in poweroff) echo o ;; *) echo b ;; esac >/proc/sysrq-trigger
}

# --- the loop

# Take in the step that was answered; 1 if that is none.
take_in() {
    case $(sed 1q "$STATE/answer") in PB_EXECUTION_ID=*) ;; *) return 1 ;; esac
    case $(sed -n '$p' "$STATE/answer") in PB_END=1) ;; *) return 1 ;; esac
    . "$STATE/answer"
    plain "$PB_STEP_ID" && plain "$PB_ATTEMPT" || return 1
    ATTEMPT=$STATE/$PB_STEP_ID.$PB_ATTEMPT
    beat=$BEAT
    if [ -n "$PB_HEARTBEAT" ] && [ $((PB_HEARTBEAT / 3)) -lt "$BEAT" ]; then
        beat=$((PB_HEARTBEAT / 3))
    fi
}

perform() {
    case $PB_STEP_TYPE in
    node.script) perform_script ;;
    node.boot) perform_boot ;;
    node.reboot) perform_reboot ;;
    *)
        mkdir -p "$ATTEMPT"
        result failed "" "this agent cannot perform $PB_STEP_TYPE"
        deliver
        ;;
    esac
}

main() {
    set_up "$@"
    say "asks $CALLBACK with $CLIENT"
    refused=0
    while :; do
        clock
        asked=$NOW
        request "/current?format=sh&wait=$WAIT&agent=$BOOT_ID" $((WAIT + PATIENCE))
        case $STATUS in
        200)
            PAUSE=1 refused=0
            if take_in; then
                perform
            else
                say "what was answered is no step"
                back_off
            fi
            ;;
        204)
            PAUSE=1 refused=0
            clock
            [ "$NOW" -gt "$asked" ] || sleep 1 # it did not think about it: it is about to stop
            ;;
        410)
            say "the execution is over"
            exit 0
            ;;
        401 | 403 | 404)
            refused=$((refused + 1))
            [ "$refused" -lt "$REFUSALS" ] || die 3 "the server does not know this execution or token ($STATUS)"
            back_off
            ;;
        *) back_off ;;
        esac
    done
}

main "$@"
