#!/bin/sh
${include:script-header}
dmidecode -t system
lscpu
free -m
lsblk
