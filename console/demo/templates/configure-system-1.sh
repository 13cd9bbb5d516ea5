#!/bin/sh
${include:script-header}
mount /dev/disk/by-partlabel/root /mnt
echo "${node.hostname|debian}" > /mnt/etc/hostname
chroot /mnt apt-get install -y linux-image-amd64 openssh-server
chroot /mnt grub-install "$DISK"
chroot /mnt update-grub
umount /mnt
