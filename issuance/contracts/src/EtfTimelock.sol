// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title Admin and upgrader of a token: whatever it does was announced `delay` seconds before.
/// @dev It administers itself; nobody else can shorten the delay or name proposers.
contract EtfTimelock is TimelockController {
    constructor(uint256 delay, address[] memory proposers, address[] memory executors)
        TimelockController(delay, proposers, executors, address(0))
    {}
}
