#!/bin/sh
${include:script-header}
disk="$(lsblk -dno PATH | head -n 1)"
dmidecode -t system
lscpu
free -m
lsblk
ip address
smartctl -H "$disk" || echo "$disk is not healthy"
echo "cores=$(nproc)" >> "$PUREBOOT_OUTPUT"
echo "memory=$(free -g | awk '/^Mem/ {print $2}')" >> "$PUREBOOT_OUTPUT"
echo "disk=$disk" >> "$PUREBOOT_OUTPUT"
