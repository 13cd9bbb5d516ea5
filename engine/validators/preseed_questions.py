"""Questions of Debian's installer that sites answer, from its manual's example and the packages' templates."""

_NAMES = """
    debian-installer/locale debian-installer/language debian-installer/country localechooser/supported-locales
    debian-installer/add-kernel-opts debian-installer/exit/halt debian-installer/exit/poweroff
    debian-installer/allow_unauthenticated debian-installer/quiet debian-installer/splash
    debian-installer/framebuffer debian-installer/theme debian-installer/main-menu debian-installer/consoledisplay
    keyboard-configuration/xkb-keymap keyboard-configuration/toggle keyboard-configuration/layoutcode
    keyboard-configuration/layout keyboard-configuration/variant keyboard-configuration/modelcode
    console-setup/ask_detect console-setup/layoutcode console-keymaps-at/keymap
    netcfg/enable netcfg/choose_interface netcfg/link_wait_timeout netcfg/dhcp_timeout netcfg/dhcpv6_timeout
    netcfg/disable_autoconfig netcfg/disable_dhcp netcfg/use_autoconfig netcfg/dhcp_failed netcfg/dhcp_options
    netcfg/get_ipaddress netcfg/get_netmask netcfg/get_gateway netcfg/get_nameservers netcfg/confirm_static
    netcfg/get_hostname netcfg/get_domain netcfg/hostname netcfg/wireless_wep netcfg/dhcp_hostname
    netcfg/target_network_config hw-detect/load_firmware hw-detect/load_media hw-detect/firmware-lookup
    network-console/password network-console/password-again network-console/start network-console/authorized_keys_url
    anna/choose_modules anna/no_kernel_modules
    mirror/protocol mirror/country mirror/http/countries mirror/http/hostname mirror/http/directory mirror/http/proxy
    mirror/http/mirror mirror/https/hostname mirror/https/directory mirror/https/proxy mirror/https/countries
    mirror/ftp/hostname mirror/ftp/directory mirror/ftp/proxy mirror/suite mirror/udeb/suite mirror/udeb/components
    mirror/codename mirror/https/mirror
    passwd/root-login passwd/make-user passwd/root-password passwd/root-password-again passwd/root-password-crypted
    passwd/user-fullname passwd/username passwd/user-password passwd/user-password-again
    passwd/user-password-crypted passwd/user-uid passwd/user-default-groups passwd/shadow
    user-setup/allow-password-weak user-setup/encrypt-home user-setup/password-weak
    clock-setup/utc clock-setup/utc-auto time/zone clock-setup/ntp clock-setup/ntp-server
    partman-auto/init_automatically_partition partman-auto/disk partman-auto/method partman-auto-lvm/guided_size
    partman-auto-lvm/new_vg_name partman-auto-lvm/no_boot partman-auto/choose_recipe partman-auto/expert_recipe_file
    partman-auto/expert_recipe partman-auto/select_disk partman-auto/cap-ram partman-auto/purge_lvm_from_device
    partman-lvm/device_remove_lvm partman-lvm/device_remove_lvm_span partman-lvm/confirm
    partman-lvm/confirm_nooverwrite partman-lvm/vgcreate_confirm
    partman-md/device_remove_md partman-md/confirm partman-md/confirm_nooverwrite partman-md/confirm_nochanges
    partman-auto-raid/recipe partman-auto-crypto/erase_disks partman-crypto/passphrase
    partman-crypto/passphrase-again partman-crypto/weak_passphrase partman-crypto/confirm
    partman-crypto/confirm_nooverwrite
    partman-partitioning/confirm_write_new_label partman-partitioning/choose_label
    partman-partitioning/default_label partman-partitioning/confirm_new_label
    partman/choose_partition partman/confirm partman/confirm_nooverwrite partman/default_filesystem
    partman/mount_style partman/early_command partman/alignment partman/confirm_write_new_label
    partman/unmount_active partman/choose_label
    partman-efi/non_efi_system partman-basicfilesystems/no_swap partman-basicfilesystems/choose_label
    partman-basicmethods/method_only partman-target/mount_failed partman-base/automatically_partition
    base-installer/install-recommends base-installer/kernel/image base-installer/kernel/override-image
    base-installer/kernel/altmeta base-installer/includes base-installer/debootstrap_script
    base-installer/kernel/linux/initramfs-generators
    apt-setup/cdrom/set-first apt-setup/cdrom/set-next apt-setup/cdrom/set-failed apt-setup/cdrom/set-double
    apt-setup/disable-cdrom-entries apt-setup/non-free-firmware apt-setup/non-free apt-setup/contrib
    apt-setup/services-select apt-setup/security_host apt-setup/security_path apt-setup/volatile_host
    apt-setup/enable-source-repositories apt-setup/use_mirror apt-setup/no_mirror apt-setup/restricted
    apt-setup/universe apt-setup/multiverse apt-setup/backports apt-setup/updates apt-setup/proposed
    apt-setup/local0/repository apt-setup/local0/comment apt-setup/local0/source apt-setup/local0/key
    apt-setup/local1/repository apt-setup/local1/comment apt-setup/local1/source apt-setup/local1/key
    apt-setup/multiarch apt-setup/hostname apt-setup/directory apt-setup/partner
    tasksel/first tasksel/skip-tasks tasksel/desktop tasksel/force-tasks tasksel/limit-tasks
    pkgsel/run_tasksel pkgsel/include pkgsel/upgrade pkgsel/update-policy pkgsel/updatedb
    pkgsel/install-language-support pkgsel/language-pack-patterns pkgsel/ignore-incomplete-language-support
    popularity-contest/participate
    grub-installer/skip grub-installer/only_debian grub-installer/with_other_os grub-installer/bootdev
    grub-installer/password grub-installer/password-again grub-installer/password-crypted
    grub-installer/force-efi-extra-removable grub-installer/grub2_instead_of_grub_legacy grub-installer/choose_bootdev
    grub-installer/timeout grub-installer/enable_os_prober_otheros_no grub-installer/multipath
    lilo-installer/skip lilo-installer/bootdev
    finish-install/keep-consoles finish-install/reboot_in_progress cdrom-detect/eject cdrom-detect/try-usb
    preseed/early_command preseed/late_command preseed/include preseed/include/checksum preseed/include_command
    preseed/run preseed/url preseed/file preseed/interactive
    ubiquity/summary ubiquity/reboot ubiquity/success_command disk-detect/multipath/enable
    disk-detect/dmraid/enable rescue/enable bootstrap-base/no_kernel nobootloader/confirmation_common
    """

QUESTIONS: frozenset[str] = frozenset(_NAMES.split())
