#!/bin/sh
${include:script-header}
mount /dev/disk/by-partlabel/root /mnt
echo "${node.hostname|debian}" > /mnt/etc/hostname
echo "server ${meta.ntp|pool.ntp.org} iburst" > /mnt/etc/chrony/sources.d/site.sources
chroot /mnt apt-get install -y linux-image-amd64 openssh-server chrony
echo "Packages for a machine of the role $ROLE"
chroot /mnt apt-get install -y "site-$ROLE"
chroot /mnt grub-install "$DISK"
chroot /mnt update-grub
umount /mnt
echo "hostname=${node.hostname|debian}" >> "$PUREBOOT_OUTPUT"
