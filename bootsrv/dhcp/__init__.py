"""ProxyDHCP: tells machines what to boot, beside the site's own DHCP server, which gives the addresses."""
