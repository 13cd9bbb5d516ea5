#!/bin/sh
${include:script-header}
image="${meta.image|debian-12}"
smartctl -H "$DISK" || echo "$DISK is not healthy; trying anyway"
echo "Writing $image to $DISK"
curl -fsS "${server.url}/files/images/$image.img.zst" | zstd -d |
    dd of=/dev/disk/by-partlabel/root bs=4M status=progress
sync
echo "image=$image" >> "$PUREBOOT_OUTPUT"
