"""Programs that show how to use the recorder; README.md in this folder says what each one shows."""
