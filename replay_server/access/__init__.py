"""Access control: hosts, origins, tokens, proxies and quotas."""
