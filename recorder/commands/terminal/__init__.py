"""Terminal handling of every command: output, tables, progress, interrupts, exit statuses."""
