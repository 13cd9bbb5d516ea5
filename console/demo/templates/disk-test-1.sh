#!/bin/sh
${include:script-header}
disk="$(lsblk -dno PATH | head -n 1)"
smartctl -H "$disk" || echo "$disk is not healthy"
badblocks -t random -w -s "$disk"
