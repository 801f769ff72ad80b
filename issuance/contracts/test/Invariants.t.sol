// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Cheats} from "./Vm.sol";
import {Deployed} from "./Deployed.sol";
import {EtfToken} from "../src/EtfToken.sol";
import {IEtfToken} from "../src/IEtfToken.sol";

/// @dev Everybody at once, doing allowed and forbidden things in any order. What must never be seen
/// is kept in `broken`, because a failed require inside a handler only looks like a refusal.
contract Crowd is Deployed {
    struct Request {
        uint64 id;
        address holder;
    }

    uint64 internal constant IDS = 48;

    address[] public people;
    string public broken;
    uint256 public minted;
    uint256 public burned;
    uint256 public escrowed;
    uint256 public settled;
    Request[] private requests;
    mapping(uint64 id => uint256) public executions;

    constructor() {
        open();
        for (uint160 i = 1; i <= 6; ++i) {
            people.push(address(0x1000 + i));
            if (i < 6) register(people[i - 1], SWITZERLAND, EXPIRY, PERMITTED);
        }
        people.push(alice);
        people.push(bob);
    }

    function count() external view returns (uint256) {
        return people.length;
    }

    function shared() external view returns (EtfToken) {
        return token;
    }

    function mintTwo(uint256 who, uint256 id, uint256 amount, uint256 id2) external {
        IEtfToken.Order[] memory orders = new IEtfToken.Order[](2);
        orders[0] = IEtfToken.Order(uint64(id % IDS), person(who), uint96(amount % 300 ether));
        orders[1] = IEtfToken.Order(uint64(id2 % IDS), person(who / 7), uint96(amount % 200 ether));
        bool[2] memory able = [mayHold(orders[0].account), mayHold(orders[1].account)];
        uint256 before = token.totalSupply();
        vm.prank(issuer);
        token.mintBatch(orders);
        (uint96 supply, uint96 cap, uint40 asOf,,) = token.reserves();
        if (supply > cap) broken = "supply above cap at a mint";
        if (asOf + 26 hours < block.timestamp) broken = "minted on a stale figure";
        minted += supply - before;
        for (uint256 i; i < 2; ++i) {
            if (orders[i].amount == 0 || !able[i]) continue;
            executions[orders[i].orderId] += 1;
        }
    }

    function transfer(uint256 from, uint256 to, uint256 amount) external {
        (address sender, address receiver) = (person(from), person(to));
        bool able = mayHold(sender) && mayHold(receiver);
        (uint256 balance, uint256 frozen,,,) = token.holder(sender);
        amount %= 300 ether;
        vm.prank(sender);
        token.transfer(receiver, amount);
        if (!able) broken = "an unfit party in a transfer";
        if (amount > 0 && frozen + amount > balance) broken = "frozen tokens moved";
    }

    function requestRedeem(uint256 who, uint256 id, uint256 amount) external {
        address holder = person(who);
        amount %= token.balanceOf(holder) + 2;
        vm.prank(holder);
        token.requestRedeem(amount, uint64(id % IDS));
        escrowed += amount;
        requests.push(Request(uint64(id % IDS), holder));
    }

    /// @dev Mostly a request that was made, at times one that never was; often one already settled.
    function settle(uint256 which, uint256 skew, bool cancelled) external {
        Request memory made = requests[which % requests.length];
        if (skew % 16 == 0) made.holder = person(skew);
        uint256 amount = token.redemption(made.id, made.holder);
        if (cancelled) {
            vm.prank(issuer);
            token.cancelRedeem(made.id, made.holder);
        } else {
            vm.prank(issuer);
            token.burnOrder(made.id, made.holder, uint96(amount));
            executions[made.id] += 1;
            burned += amount;
        }
        escrowed -= amount;
        settled += 1;
    }

    function force(uint256 from, uint256 to, uint256 amount) external {
        bool able = mayHold(person(to));
        vm.prank(compliance);
        token.forcedTransfer(person(from), person(to), amount % 300 ether);
        if (!able) broken = "forced to an unfit receiver";
    }

    function recover(uint256 from, uint256 to, uint256 id) external {
        (address lost, address account) = (person(from), person(to));
        bool able = mayHold(account);
        (uint256 balance, uint256 frozen,,,) = token.holder(lost);
        (uint256 held, uint256 stuck,,,) = token.holder(account);
        vm.prank(compliance);
        token.recover(uint64(id % IDS), lost, account);
        executions[uint64(id % IDS)] += 1;
        if (!able) broken = "recovered to an unfit receiver";
        (uint256 left, uint256 leftFrozen,,, uint256 flags) = token.holder(lost);
        if (left != 0 || leftFrozen != 0 || flags != FROZEN) broken = "a lost wallet kept something";
        (uint256 got, uint256 gotFrozen,,,) = token.holder(account);
        if (got != held + balance || gotFrozen != stuck + frozen) broken = "a recovery lost something";
        // Back to life, or the crowd would soon be gone.
        vm.prank(compliance);
        token.setAddressFrozen(lost, false);
        register(lost, SWITZERLAND, EXPIRY, PERMITTED);
    }

    function freeze(uint256 who, uint256 amount, bool whole) external {
        vm.startPrank(compliance);
        token.setFrozenTokens(person(who), amount % 100 ether);
        token.setAddressFrozen(person(who), whole && who % 4 == 0);
        vm.stopPrank();
    }

    function restand(uint256 who, uint256 seed) external {
        uint16 country = seed % 5 == 0 ? CHINA : SWITZERLAND;
        uint40 expiry = seed % 7 == 0 ? uint40(block.timestamp + 1 hours) : EXPIRY;
        register(person(who), country, expiry, PERMITTED);
    }

    function report(uint256 shares, uint256 wait) external {
        vm.warp(block.timestamp + (wait % 8 hours));
        attest(shares % 3_000 ether, uint40(block.timestamp));
    }

    function person(uint256 seed) private view returns (address) {
        return people[seed % people.length];
    }

    /// @dev The rule, written a second time and in another way than the contract's.
    function mayHold(address account) private view returns (bool) {
        (,, uint256 country, uint256 expiry, uint256 flags) = token.holder(account);
        return flags == PERMITTED && expiry >= block.timestamp && country != CHINA && country != 0;
    }
}

contract InvariantsTest is Cheats {
    Crowd internal crowd;

    function setUp() public {
        crowd = new Crowd();
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(crowd);
    }

    /// forge-config: default.invariant.fail-on-revert = false
    function invariant_books_balance() public view {
        require(bytes(crowd.broken()).length == 0, crowd.broken());
        EtfToken token = crowd.shared();
        uint256 sum = token.balanceOf(address(token));
        eq(sum, crowd.escrowed(), "the escrow is the open redemptions");
        for (uint256 i; i < crowd.count(); ++i) {
            sum += token.balanceOf(crowd.people(i));
        }
        eq(token.totalSupply(), sum, "supply is the sum of balances and escrow");
        eq(token.totalSupply(), crowd.minted() - crowd.burned(), "supply is what was minted less burned");
        for (uint64 id; id < 48; ++id) {
            require(crowd.executions(id) <= 1, "an id was executed twice");
            require(token.isExecuted(id) == (crowd.executions(id) == 1), "the bitmap knows each execution");
        }
    }
}
