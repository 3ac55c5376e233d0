# SPDX-License-Identifier: Apache-2.0
# Bolts and spouts in POSIX sh, by the multilang protocol: JSON over standard input and output.
#
#     . ./multilang.sh
#     while take; do              a bolt: the next tuple, $id $stream $tuple (JSON); a spout: the next command, $command $id (JSON)
#             emit "$tuple"       a JSON array; anchored to the tuple that was taken
#             ack                 or: fail "why"
#     done
#
# What is written to standard error goes into the log; standard output belongs to the protocol.

put() { printf '%s\nend\n' "$1"; }

# The text of a member of $message, a string or a number, as it stands there.
member() {
        case $message in
        *"\"$1\":\""*) value=${message#*\""$1"\":\"} value=${value%%\"*} ;;
        *"\"$1\":"*) value=${message#*\""$1"\":} value=${value%%[,\}]*} ;;
        *) value= ;;
        esac
}

receive() {
        message=
        while IFS= read -r line; do
                [ "$line" != end ] || return 0
                message=$message$line
        done
        return 1
}

# False: there is nothing more to come.
take() {
        while receive; do
                case $message in
                \[*) continue ;;
                *'"stream":"__heartbeat"'*) put '{"command":"sync"}'; continue ;;
                *'"command":'*)
                        member command
                        command=$value id=${message#*\"id\":} id=${id%\}}
                        return ;;
                esac
                member stream
                stream=$value
                member id
                id=$value tuple=${message#*\"tuple\":} tuple=${tuple%\}}
                return
        done
        return 1
}

# emit TUPLE [STREAM]; a spout's: emit_id ID TUPLE [STREAM], and sync behind its answer to each command, done when there is nothing more.
emit() { put "{\"command\":\"emit\",\"tuple\":$1,\"anchors\":[\"$id\"],\"stream\":\"${2:-default}\",\"need_task_ids\":false}"; }
emit_id() { put "{\"command\":\"emit\",\"tuple\":$2,\"id\":$1,\"stream\":\"${3:-default}\",\"need_task_ids\":false}"; }
ack() { put "{\"command\":\"ack\",\"id\":\"$id\"}"; }
fail() { log "$1" 4; put "{\"command\":\"fail\",\"id\":\"$id\"}"; }
sync() { put '{"command":"sync"}'; }
done_with_it() { put '{"command":"done"}'; }
# log TEXT [LEVEL], 0 trace to 4 error.
log() { put "{\"command\":\"log\",\"msg\":\"$(printf %s "$1" | tr '\n"\\' '   ')\",\"level\":${2:-2}}"; }

receive
handshake=$message
put "{\"pid\":$$}"
