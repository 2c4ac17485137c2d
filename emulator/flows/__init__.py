"""What has memory, still pure: connection tracking, endpoint idle state, the walk and the compiled path."""
