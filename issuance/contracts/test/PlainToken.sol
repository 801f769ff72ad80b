// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// @dev The least a token can be: no rule, no order id, no cap, no proxy. The gas benchmark's floor.
contract PlainToken is ERC20, Ownable {
    constructor() ERC20("Plain", "PLAIN") Ownable(msg.sender) {}

    function mint(address to, uint256 amount) external onlyOwner {
        _mint(to, amount);
    }

    function batchMint(address[] calldata to, uint256[] calldata amounts) external onlyOwner {
        for (uint256 i; i < to.length; ++i) {
            _mint(to[i], amounts[i]);
        }
    }

    function burn(address from, uint256 amount) external onlyOwner {
        _burn(from, amount);
    }
}
