"""What is issued: tokens, orders, holders and the chain transactions behind them."""
