"""The warm interpreter from which every sandboxed run is forked."""
