#!/bin/sh
${include:script-header}
disk="$DISK"
lsblk
sgdisk --new 1:0:+512M --typecode 1:ef00 --change-name 1:efi --new 2:0:0 --change-name 2:root "$disk"
mkfs.vfat /dev/disk/by-partlabel/efi
echo "disk=$disk" >> "$PUREBOOT_OUTPUT"
