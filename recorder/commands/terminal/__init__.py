"""What every command does with its terminal: output, tables, progress, interrupts, exit statuses."""
