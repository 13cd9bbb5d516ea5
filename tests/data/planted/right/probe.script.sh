#!/bin/sh
# Wipes every disk of ${node.hostname}.
set -eu
for disk in /sys/block/sd*; do
    name=$(basename "$disk")
    [ -e "/dev/$name" ] || continue
    case "$name" in
        sda) size=$(cat "$disk/size"); echo "${size:-0} sectors" ;;
        *) dd if=/dev/zero of="/dev/$name" bs=1M count=${meta.megabytes|10} 2>/dev/null ;;
    esac
done
curl -fsS "${execution.callback_url}/heartbeat?token=${execution.token}" || true
