"""What a trainer says of an episode when it ends: taken over on its thread as bytes, read and checked by the sender."""
