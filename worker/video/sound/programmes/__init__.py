"""What is heard and said in each kind of video: episode, comparison and reel."""
