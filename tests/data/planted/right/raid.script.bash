#!/usr/bin/env -S bash -e
declare -A wanted=([sda]=1 [sdb]=1)
mapfile -t found < <(lsblk -dno NAME)
for name in "${found[@]}"; do
    if [[ -n "${wanted[$name]:-}" && $name =~ ^sd ]]; then
        echo "$name"
    fi
done
