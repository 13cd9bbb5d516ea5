#!/bin/sh
${include:script-header}
disk="$DISK"
if [ "$disk" = first ]; then
    disk="$(lsblk -dno PATH | head -n 1)"
fi
lsblk
echo "Wiping $disk"
wipefs --all "$disk"
sgdisk --zap-all --new 1:0:+512M --typecode 1:ef00 --change-name 1:efi "$disk"
if [ "$ROLE" = database ]; then
    sgdisk --new 2:0:+40G --change-name 2:root --new 3:0:0 --change-name 3:data "$disk"
    mkfs.xfs /dev/disk/by-partlabel/data
else
    sgdisk --new 2:0:0 --change-name 2:root "$disk"
fi
mkfs.vfat /dev/disk/by-partlabel/efi
echo "disk=$disk" >> "$PUREBOOT_OUTPUT"
