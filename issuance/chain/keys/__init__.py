"""Keys that lie elsewhere: AWS KMS, Google Cloud KMS, web3signer; each signs one digest at a time."""
