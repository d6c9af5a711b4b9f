"""What frames are drawn with: pictures, masks of shapes and letters, moving parts, colours."""
