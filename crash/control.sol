// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// The token most projects would deploy: whoever may mint mints, and nobody remembers for which order.
contract ControlToken {
    mapping(address account => uint256) public balanceOf;
    uint256 public totalSupply;

    event ControlMinted(uint64 indexed orderId, address indexed to, uint256 amount);
    event Transfer(address indexed from, address indexed to, uint256 amount);

    function mint(uint64 orderId, address to, uint256 amount) external {
        totalSupply += amount;
        balanceOf[to] += amount;
        emit Transfer(address(0), to, amount);
        emit ControlMinted(orderId, to, amount);
    }
}
