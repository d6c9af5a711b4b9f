"""Who may ask for what: hosts, origins, tokens, proxies and quotas."""
